package report

import (
	"slices"
	"strconv"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
)

// Advice is something to do. Kind and About tell programs what.
type Advice struct {
	Kind  string // unlabelled, apply, …
	About string // what it is about: the id of a proposal, the name of a node, …
	Text  string // in the language of the report, with nothing in it that hides
}

const (
	maxAdvice = 12
	// grave is the severity from which on alerts that nobody has closed are told.
	grave = 70
	// soon is how long before its end a change is told of.
	soon = 14 * 24 * time.Hour
	// clearly is how many of a group must be expected to be wrong to be told.
	clearly = 3
)

// advise says what to do about a report, the most urgent first.
func advise(w *WAF) []Advice {
	a := adviser{WAF: w, speaker: w.speaker()}
	a.nodes()
	a.alerts()
	a.proposals()
	a.groups("suspect", w.Suspects)
	a.groups("missed", w.Missed)
	a.changes()
	a.rates()
	return a.all[:min(len(a.all), maxAdvice)]
}

type adviser struct {
	*WAF
	speaker
	all []Advice
}

func (a *adviser) add(kind, about string, parts ...string) {
	a.all = append(a.all, Advice{Kind: kind, About: about, Text: a.must("do."+kind, parts...)})
}

func (a *adviser) nodes() {
	var sets []string
	for i := range a.Nodes {
		n := &a.Nodes[i]
		name := dashboards.Visible(n.Name)
		if n.Connected != nil && !*n.Connected {
			a.add("node", n.Name, name, a.moment(n.Seen))
		}
		if n.Overflow > 0 {
			a.add("lost", n.Name, name, a.count(int64(n.Overflow)))
		}
		if n.RuleSet != "" && !slices.Contains(sets, n.RuleSet) {
			sets = append(sets, n.RuleSet)
		}
	}
	if len(sets) > 1 {
		a.add("drift", "", strconv.Itoa(len(sets)))
	}
}

func (a *adviser) alerts() {
	for i := range a.Findings {
		if f := &a.Findings[i]; f.Severity >= grave && f.Unclosed > 0 {
			a.add("alerts", f.RuleID, a.count(int64(f.Unclosed)), dashboards.Visible(f.Rule), strconv.FormatInt(f.Severity, 10))
		}
	}
}

func (a *adviser) proposals() {
	for i := range a.Open {
		p := &a.Open[i]
		id := strconv.FormatInt(p.ID, 10)
		switch {
		case p.Guard > 0:
			a.add("narrow", id, id, a.where(p.Site, p.Path), a.count(int64(p.Guard)))
		case p.Kind == proposals.Promotion:
			a.add("promote", id, id, a.where(p.Site, p.Path))
		default:
			a.add("apply", id, id, a.where(p.Site, p.Path), a.count(int64(p.Unblocks)))
		}
	}
}

func (a *adviser) groups(kind string, all []Suspect) {
	told := 0
	for i := range all {
		g := &all[i]
		if g.Expected < clearly || g.Open == 0 || told == 3 {
			continue
		}
		told++
		rule := dashboards.Visible(g.Rule)
		if rule == "" {
			rule = a.must("norule")
		}
		a.add(kind, g.Rule, rule, a.where(g.Site, g.Path), a.count(int64(g.N)), a.count(int64(g.Clients)), a.count(int64(g.Expected+0.5)))
	}
}

func (a *adviser) changes() {
	for i := range a.Changes {
		c := &a.Changes[i]
		id := strconv.FormatInt(c.ID, 10)
		switch {
		case c.Retire:
			a.add("retire", id, id, a.where(c.Site, c.Path))
		case c.Stage != "" && !c.Expires.IsZero() && c.Expires.After(a.Made) && c.Expires.Before(a.Made.Add(soon)):
			a.add("renew", id, id, a.where(c.Site, c.Path), a.moment(c.Expires))
		}
	}
}

// rates tells of the rates of all that there is no estimate of.
func (a *adviser) rates() {
	for i := range a.Rates {
		if r := &a.Rates[i]; r.Scope == "" && !r.Enough && r.N > 0 {
			a.add("unlabelled", r.Kind, a.must("rate."+r.Kind))
			return
		}
	}
}

// where names a place; nothing in it hides.
func (s speaker) where(site, path string) string {
	if site == "" {
		site = s.must("allsites")
	}
	return dashboards.Visible(site + " " + path)
}

func (w *WAF) speaker() speaker { return speaker{language: w.Language, zone: w.Made.Location()} }
