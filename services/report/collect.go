package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// count counts requests.
func (m *maker) count(ctx context.Context) (err error) {
	if m.Traffic, err = m.reader.Traffic(ctx); err != nil {
		return err
	}
	for _, p := range m.Traffic.Points {
		m.Blocked += p.Blocked
		m.Requests += p.Blocked + p.Allowed
	}
	m.BlockRate = shareOf(m.Blocked, m.Requests)
	if m.Rules, err = m.reader.Rules(ctx); err != nil {
		return err
	}
	if m.Attackers, err = m.reader.Attackers(ctx); err != nil {
		return err
	}
	if m.Targets, err = m.reader.Targets(ctx); err != nil {
		return err
	}
	m.WhatIf, err = m.reader.WhatIf(ctx)
	return err
}

// shareOf is k of n requests.
func shareOf(k, n int64) tuning.Share {
	s := tuning.Share{N: int(n)}
	if n > 0 {
		s.Value = float64(k) / float64(n)
	}
	s.Low, s.High = tuning.Wilson(s.Value, float64(n))
	return s
}

// rate estimates how often the WAF is wrong.
func (m *maker) rate(ctx context.Context) (err error) {
	if m.Rates, err = m.reader.Rates(ctx, m.parts.Desk); err != nil {
		return err
	}
	all, err := m.reader.RatesOf(ctx, m.parts.Desk, m.reader.From, m.reader.To, triage.ScopeRule)
	for _, r := range all {
		if r.Enough {
			m.RuleShares = append(m.RuleShares, r)
		}
	}
	return err
}

// label counts what people have said.
func (m *maker) label(ctx context.Context) error {
	labels, err := m.parts.State.LabelsThatHold(ctx, m.reader.From, m.reader.To, maxLabels)
	if err != nil {
		return fmt.Errorf("read labels: %w", err)
	}
	if len(labels) == maxLabels {
		m.reader.Partial = append(m.reader.Partial, fmt.Sprintf("more than %d labels: the newest are not counted", maxLabels))
	}
	last := map[[2]string]string{} // of two about one decision the later one counts
	for i := range labels {
		last[[2]string{labels[i].Source, labels[i].EventID}] = labels[i].Label
	}
	counts := map[string]int{}
	for _, label := range last {
		counts[label]++
	}
	for _, label := range slices.Sorted(maps.Keys(counts)) {
		m.Labels = append(m.Labels, Labelled{label, counts[label]})
	}
	return nil
}

// Suspect is decisions that are alike, and likely wrong.
type Suspect struct {
	Rule, Site, Path, Variable string
	N, Clients, Open           int
	Expected                   float64 // how many of them are wrong
}

// suspect finds the decisions that are likely wrong.
func (m *maker) suspect(ctx context.Context) (err error) {
	if m.Suspects, err = m.groups(ctx, triage.GroupsByFalse); err != nil {
		return err
	}
	m.Missed, err = m.groups(ctx, triage.GroupsByMissed)
	return err
}

// leastExpected is how many of a group are at least expected to be wrong.
const leastExpected = 0.5

func (m *maker) groups(ctx context.Context, order triage.GroupOrder) (all []Suspect, err error) {
	page, err := m.parts.Desk.Groups(ctx, triage.GroupList{
		Selection: triage.Selection{From: m.reader.From, To: m.reader.To}, Order: order, Size: maxGroups,
	})
	if err != nil {
		return nil, fmt.Errorf("group decisions: %w", err)
	}
	for _, why := range page.Partial {
		if !slices.Contains(m.reader.Partial, why) {
			m.reader.Partial = append(m.reader.Partial, why)
		}
	}
	for _, g := range page.Groups {
		if g.Expected < leastExpected {
			continue
		}
		all = append(all, Suspect{
			Rule: clip(g.Rule), Site: clip(g.Site), Path: clip(g.Path), Variable: clip(g.Variable),
			N: g.N, Clients: g.Clients, Open: g.Open, Expected: g.Expected,
		})
	}
	return all, nil
}

// Finding is the alerts of one detection rule.
type Finding struct {
	RuleID, Rule string
	Severity     int64 // the gravest, 0 to 100
	N            int
	Unclosed     int
	Last         time.Time
}

// find counts the alerts of the range.
func (m *maker) find(ctx context.Context) error {
	byRule, seen := map[string]*Finding{}, 0
	err := m.parts.State.Alerts(ctx, state.Place{}, func(a state.Alert) bool {
		if seen++; seen > maxAlerts || len(byRule) > 10*maxProposals {
			m.reader.Partial = append(m.reader.Partial, fmt.Sprintf("more than %d findings: the oldest are not counted", seen-1))
			return false
		}
		if a.Time.Before(m.reader.From) || !a.Time.Before(m.reader.To) {
			return true
		}
		f := byRule[a.RuleID]
		if f == nil {
			f = &Finding{RuleID: clip(a.RuleID), Rule: clip(a.RuleName)}
			byRule[a.RuleID] = f
		}
		f.N++
		f.Severity = max(f.Severity, a.Severity)
		if a.Status != state.StatusClosed {
			f.Unclosed++
		}
		if a.Time.After(f.Last) {
			f.Last = a.Time
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("read findings: %w", err)
	}
	for _, f := range byRule {
		m.Findings = append(m.Findings, *f)
	}
	slices.SortFunc(m.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.N, a.N), strings.Compare(a.RuleID, b.RuleID))
	})
	m.Findings = m.Findings[:min(len(m.Findings), maxFindings)]
	return nil
}
