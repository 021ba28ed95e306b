package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/sheet"
)

func init() {
	register(Format{Name: "csv", Type: "text/csv; charset=utf-8", write: writeCSV})
}

// writeCSV writes a row a figure. Figures are plain numbers, shares between 0 and 1;
// no cell is a formula, and nothing in one hides.
func writeCSV(out io.Writer, w *WAF) error {
	t := &sheetRows{out: csv.NewWriter(out), speaker: w.speaker()}
	t.row(t.must("section"), t.must("item"), t.must("detail"), t.must("figure"), t.must("low"), t.must("high"), "n", t.must("labels"), t.must("note"))
	t.summary(w)
	t.tuning(w)
	t.tops(w)
	t.findings(w)
	t.nodes(w)
	for _, why := range w.Partial {
		t.row(t.must("partial"), why)
	}
	t.out.Flush()
	return t.out.Error()
}

// columns of a row; those that a row lacks are empty.
const columns = 9

// sheetRows writes rows in a language.
type sheetRows struct {
	speaker
	out *csv.Writer // which remembers its first error
}

func (t *sheetRows) row(cells ...string) {
	row := make([]string, columns)
	for i, c := range cells {
		row[i] = sheet.Guard(dashboards.Visible(c))
	}
	_ = t.out.Write(row) // see sheetRows.out
}

// decimal is a share as spreadsheets take it.
func decimal(share float64) string { return strconv.FormatFloat(share, 'f', 6, 64) }

func whole[N int | int64 | uint64](n N) string { return strconv.FormatInt(int64(n), 10) }

// rate writes a rate; without an estimate its figures are empty and the note says why.
func (t *sheetRows) rate(section, name, scope string, r dashboards.Rate) {
	value, low, high, note := decimal(r.Value), decimal(r.Low), decimal(r.High), ""
	if !r.Enough {
		value, low, high, note = "", "", "", t.speaker.rate(r)
	}
	t.row(section, name, scope, value, low, high, whole(r.N), whole(r.Labels), note)
}

func (t *sheetRows) summary(w *WAF) {
	section := t.must("summary")
	t.row(section, t.must("from"), "", t.moment(w.From), "", "", "", "", t.zoneName(w.From))
	t.row(section, t.must("to"), "", t.moment(w.To), "", "", "", "", t.zoneName(w.To))
	t.row(section, t.must("requests"), "", whole(w.Requests))
	t.row(section, t.must("blocked"), "", whole(w.Blocked))
	for _, a := range w.Advice {
		t.row(t.must("advice"), a.Text)
	}
	section = t.must("effect")
	if w.Requests > 0 {
		t.row(section, t.must("blockrate"), t.must("allsites"), decimal(w.BlockRate.Value), decimal(w.BlockRate.Low), decimal(w.BlockRate.High), whole(w.Requests))
	}
	for _, r := range w.Rates {
		scope := r.Scope
		if scope == "" {
			scope = t.must("allsites")
		}
		t.rate(section, t.known("rate", r.Kind), scope, r)
	}
	for _, l := range w.Labels {
		t.row(t.must("what"), t.known("label", l.Label), "", whole(l.N))
	}
	for _, r := range w.RuleShares {
		t.rate(t.must("ruleshares"), r.Scope, t.class(r.Scope), r)
	}
	for _, p := range w.Traffic.Points {
		t.row(t.must("traffic"), t.moment(p.Time), t.must("blocked"), whole(p.Blocked))
		t.row(t.must("traffic"), t.moment(p.Time), t.must("allowed"), whole(p.Allowed))
	}
	for _, c := range w.WhatIf.Curves {
		for _, p := range c.Points {
			t.row(t.must("whatif"), t.must("level", whole(c.Paranoia)), t.must("threshold")+" "+whole(p.Threshold), decimal(p.Blocked))
		}
	}
}

func (t *sheetRows) tuning(w *WAF) {
	for _, stretch := range []struct {
		name string
		*Stretch
	}{{t.must("before"), w.Before}, {t.must("after"), w.After}} {
		if stretch.Stretch == nil {
			continue
		}
		for _, r := range stretch.Rates {
			t.rate(t.must("tuning"), stretch.name, t.known("rate", r.Kind), r)
		}
	}
	for i := range w.Changes {
		c := &w.Changes[i]
		name := t.known("kind", c.Kind) + " " + whole(c.ID)
		t.row(t.must("changes"), name, t.where(c.Site, c.Path), whole(c.Hits), "", "", "", "",
			strings.Join([]string{t.must("hits"), t.known("status", c.Status), t.moment(c.Time), c.Owner, c.Reason}, "; "))
		if c.Before != nil {
			t.row(t.must("changes"), name, t.must("blockedbefore"), decimal(c.Before.Value), decimal(c.Before.Low), decimal(c.Before.High), whole(c.Before.N))
		}
		if c.After != nil {
			t.row(t.must("changes"), name, t.must("blockedafter"), decimal(c.After.Value), decimal(c.After.Low), decimal(c.After.High), whole(c.After.N))
		}
	}
}

func (t *sheetRows) tops(w *WAF) {
	for _, list := range []struct {
		key string
		all []dashboards.Count
	}{{"rules", w.Rules}, {"attackers", w.Attackers}, {"targets", w.Targets}} {
		for _, c := range list.all {
			detail := c.Detail
			if list.key == "rules" {
				detail = t.class(c.Name)
			}
			t.row(t.must(list.key), c.Name, detail, whole(c.N))
		}
	}
}

func (t *sheetRows) findings(w *WAF) {
	for _, list := range []struct {
		key string
		all []Suspect
	}{{"suspects", w.Suspects}, {"missed", w.Missed}} {
		for _, g := range list.all {
			t.row(t.must(list.key), g.Rule, t.where(g.Site, g.Path), strconv.FormatFloat(g.Expected, 'f', 1, 64), "", "", whole(g.N), whole(g.N-g.Open), g.Variable)
		}
	}
	for _, p := range w.Open {
		t.row(t.must("proposals"), t.known("kind", p.Kind)+" "+whole(p.ID), t.where(p.Site, p.Path), whole(p.Unblocks), "", "", "", "", t.must("guard")+" "+whole(p.Guard))
	}
	for _, f := range w.Findings {
		t.row(t.must("alerts"), f.Rule, f.RuleID, whole(f.N), "", "", "", "", t.must("severity")+" "+whole(f.Severity)+"; "+t.must("unclosed")+" "+whole(f.Unclosed)+"; "+t.moment(f.Last))
	}
}

func (t *sheetRows) nodes(w *WAF) {
	for _, n := range w.Nodes {
		t.row(t.must("nodes"), n.Name, n.RuleSet, whole(n.Overflow), "", "", "", "",
			t.must("overflow")+"; "+t.nodeState(n.Connected)+"; "+t.must("seen")+" "+t.moment(n.Seen)+"; "+n.Version)
	}
}
