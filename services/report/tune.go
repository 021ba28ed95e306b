package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/figures"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// Place is what a change of the rules is about.
type Place struct {
	ID    int64
	Kind  string // exclusion or promotion
	Site  string
	Path  string // * for all
	Rules []int
}

// Change is one of the rules that was in use in the range.
type Change struct {
	Place
	Status  string // applied, expired, retired or rolled_back
	Stage   string // of its bundle, "" if none in use has it
	Owner   string
	Reason  string
	Time    time.Time // when the status came about
	Expires time.Time // zero for never
	Hits    int64     // requests to which it applied
	Retire  bool      // nobody has needed it for long
	// Before and After are the blocked share of the requests at its place before that
	// time and since; nil where there were none.
	Before, After *tuning.Share
}

// Open is a change that waits for somebody to apply it.
type Open struct {
	Place
	Unblocks int // blocked requests that would pass
	Guard    int // attacks that would pass
}

// tune tells of changes of the rules, and of the rates before and after them.
func (m *maker) tune(ctx context.Context) error {
	all, err := m.proposals(ctx)
	if err != nil {
		return err
	}
	exact := map[int64]*proposals.Proposal{} // what is told is clipped
	for _, p := range all {
		exact[p.ID] = p
		place := Place{ID: p.ID, Kind: p.Kind, Site: clip(p.Site), Path: clip(p.Path), Rules: p.Rules}
		switch {
		case p.Status == state.Proposed:
			m.Open = append(m.Open, Open{Place: place, Unblocks: len(p.Unblocks), Guard: len(p.Guard)})
		case p.Updated.Before(m.reader.To) && (p.Stage != "" || !p.Updated.Before(m.reader.From)):
			m.Changes = append(m.Changes, Change{
				Place: place, Status: string(p.Status), Stage: string(p.Stage), Owner: clip(p.Owner), Reason: clip(p.Reason),
				Time: p.Updated, Expires: p.Expires, Hits: p.Hits.Total, Retire: p.Retire != "",
			})
		}
	}
	slices.SortStableFunc(m.Changes, func(a, b Change) int { return b.Time.Compare(a.Time) })
	m.Changes = m.Changes[:min(len(m.Changes), maxChanges)]
	slices.SortStableFunc(m.Open, func(a, b Open) int {
		return cmp.Or(cmp.Compare(a.Guard, b.Guard), cmp.Compare(b.Unblocks, a.Unblocks))
	})
	m.Open = m.Open[:min(len(m.Open), maxOpen)]
	for i := range m.Changes {
		if err := m.compare(ctx, &m.Changes[i], exact[m.Changes[i].ID]); err != nil {
			return err
		}
	}
	return m.stretches(ctx)
}

func (m *maker) proposals(ctx context.Context) (all []*proposals.Proposal, err error) {
	for after := int64(0); len(all) < maxProposals; {
		page, err := m.parts.Proposals(ctx, after, 200)
		if err != nil {
			return nil, fmt.Errorf("read proposals: %w", err)
		}
		if len(page) == 0 {
			return all, nil
		}
		all, after = append(all, page...), page[len(page)-1].ID
	}
	m.reader.Partial = append(m.reader.Partial, fmt.Sprintf("more than %d proposals: the newest are not told of", maxProposals))
	return all, nil
}

// compare counts at the place of a change before it and since.
func (m *maker) compare(ctx context.Context, c *Change, p *proposals.Proposal) error {
	if !c.Time.After(m.reader.From) { // nothing of the range is before it
		return nil
	}
	filter := "(" + verdict.Decisions + ")"
	if p.Site != "" {
		filter += " and waf.site: " + query.Quote(p.Site)
	}
	if p.Path != "*" && !strings.Contains(p.Path, "{") {
		filter += " and url.path: " + query.Quote(p.Path)
	} else if len(c.Rules) > 0 { // a template: where its rules scored
		ids := make([]string, len(c.Rules))
		for i, id := range c.Rules {
			ids[i] = strconv.Itoa(id)
		}
		filter += " and rule.id: (" + strings.Join(ids, " or ") + ")"
	}
	var err error
	if c.Before, err = m.blockedOf(ctx, filter, m.reader.From, c.Time); err != nil {
		return err
	}
	c.After, err = m.blockedOf(ctx, filter, c.Time, m.reader.To)
	return err
}

// blockedOf is the blocked share of requests, nil if there are none.
func (m *maker) blockedOf(ctx context.Context, filter string, from, to time.Time) (*tuning.Share, error) {
	q, err := query.Parse(filter+" | stats n = count() by waf.decision | keep waf.decision, n", to)
	if err != nil {
		return nil, fmt.Errorf("count at a change: %w", err)
	}
	table, _, err := m.parts.Events.Aggregate(ctx, store.AggregateRequest{Query: q, From: from, To: to})
	if err != nil {
		return nil, fmt.Errorf("count at a change: %w", err)
	}
	var blocked, n int64
	for _, row := range table.Rows {
		n += row[1].Int()
		if row[0].Text() == "block" {
			blocked += row[1].Int()
		}
	}
	if n == 0 {
		return nil, nil
	}
	s := shareOf(blocked, n)
	return &s, nil
}

// stretches estimates the rates before the first change of the range and after the
// last one.
func (m *maker) stretches(ctx context.Context) error {
	var first, last time.Time
	for i := range m.Changes {
		if t := m.Changes[i].Time; t.After(m.reader.From) && t.Before(m.reader.To) {
			if first.IsZero() || t.Before(first) {
				first = t
			}
			if t.After(last) {
				last = t
			}
		}
	}
	if first.IsZero() {
		return nil
	}
	var err error
	if m.Before, err = m.stretch(ctx, m.reader.From, first); err != nil {
		return err
	}
	m.After, err = m.stretch(ctx, last, m.reader.To)
	return err
}

func (m *maker) stretch(ctx context.Context, from, to time.Time) (*Stretch, error) {
	side := figures.Reader{Events: m.parts.Events, From: from, To: to} // what is missing there is missing in the whole
	rates, err := side.RatesOf(ctx, m.parts.Desk, from, to, triage.ScopeAll)
	if err != nil {
		return nil, err
	}
	return &Stretch{From: from.In(m.From.Location()), To: to.In(m.From.Location()), Rates: rates}, nil
}

// maxText bounds a text that somebody else wrote, in characters.
const maxText = 200

func clip(s string) string { return dashboards.Clip(strings.ToValidUTF8(s, "\ufffd"), maxText) }
