package report

import (
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// evil has all that must not act or hide, wherever a report may have it.
const evil = "=cmd|'/c'!A0</style></title></svg><script>alert(1)</script><img src=x onerror=alert(1)>\"'\u202etxt.exe\x1b[2J\u200b\n"

var noon = time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)

// example is a report that has everything; what others write is from them.
func example(l dashboards.Language, from string) *WAF {
	yes, no := true, false
	w := &WAF{
		Language: l, Made: noon, From: noon.Add(-7 * 24 * time.Hour), To: noon, Version: "1.2.3",
		Requests: 1204882, Blocked: 24097, BlockRate: shareOf(24097, 1204882),
		Rates: dashboards.Rates{
			{Kind: "false_positive", Enough: true, Value: 0.0042, Low: 0.0021, High: 0.0077, Labels: 412, N: 1204882},
			{Kind: "missed", Enough: true, Value: 0.12, Low: 0.055, High: 0.31, Labels: 412, N: 1204882},
			{Kind: "false_share", Labels: 12, N: 24097, Why: "not enough labels: 12 drawn"},
			{Kind: "false_positive", Scope: from, Labels: 12, N: 90, Why: "3 of 90 decisions are outside of all draws"},
			{Kind: "missed", Scope: from},
		},
		RuleShares: dashboards.Rates{{Kind: "false_share", Scope: "941100", Enough: true, Value: 0.61, Low: 0.42, High: 0.77, Labels: 40, N: 310}, {Kind: "false_share", Scope: from, Enough: true, High: 1, N: 1}},
		Labels:     []Labelled{{"false_positive", 300}, {"true_positive", 112}, {from, 1}},
		WhatIf: dashboards.WhatIf{Threshold: 5, Curves: []dashboards.Curve{
			{Paranoia: 1, Points: []dashboards.CurvePoint{{Threshold: 1, Blocked: 0.031}, {Threshold: 5, Blocked: 0.02}, {Threshold: 10, Blocked: 0.004}}},
			{Paranoia: 2, Points: []dashboards.CurvePoint{{Threshold: 1, Blocked: 0.041}, {Threshold: 5, Blocked: 0.03}, {Threshold: 10, Blocked: 0.008}}},
		}},
		Rules:     dashboards.Rules{{Name: "941100", N: 12000}, {Name: "942100", N: 800}, {Name: from, N: 1}},
		Attackers: dashboards.Attackers{{Name: "203.0.113.9", Detail: "NL", N: 9000}, {Name: from, Detail: from, N: 2}},
		Targets:   dashboards.Targets{{Name: "/login", Detail: "shop", N: 9000}, {Name: from, Detail: from, N: 2}},
		Changes: []Change{
			{
				Place: Place{ID: 9950001, Kind: "exclusion", Site: "shop", Path: "/blog/save", Rules: []int{941100, 941160}}, Status: "applied", Stage: "all",
				Owner: "anna", Reason: "texts of our editors", Time: noon.Add(-72 * time.Hour), Expires: noon.Add(72 * time.Hour), Hits: 5600,
				Before: &tuning.Share{Value: 1, Low: 0.57, High: 1, N: 5}, After: &tuning.Share{Value: 0.0645, Low: 0.025, High: 0.15, N: 62},
			},
			{Place: Place{ID: 9950002, Kind: "promotion", Site: from, Path: from}, Status: "rolled_back", Owner: from, Reason: from, Time: noon.Add(-96 * time.Hour), Retire: true},
		},
		Open: []Open{
			{Place: Place{ID: 9950003, Kind: "exclusion", Site: "shop", Path: "/search", Rules: []int{942100}}, Unblocks: 41},
			{Place: Place{ID: 9950004, Kind: "promotion", Site: from, Path: from}},
			{Place: Place{ID: 9950005, Kind: "exclusion", Path: "*"}, Unblocks: 4, Guard: 2},
		},
		Suspects: []Suspect{{Rule: "941100", Site: "shop", Path: "/forum/post", Variable: "ARGS:text", N: 680, Clients: 190, Open: 680, Expected: 61.4}, {Rule: from, Site: from, Path: from, Variable: from, N: 9, Clients: 1, Open: 9, Expected: 4}},
		Missed:   []Suspect{{Site: "shop", Path: "/catalog/{id}", N: 90, Clients: 3, Open: 80, Expected: 12}},
		Findings: []Finding{{RuleID: "r-1", Rule: "One client attacks several services", Severity: 70, N: 4, Unclosed: 2, Last: noon.Add(-time.Hour)}, {RuleID: from, Rule: from, Severity: 90, N: 1, Unclosed: 1, Last: noon}},
		Nodes: []Node{
			{Name: "edge-1", Version: "1.2.3", RuleSet: "crs 4.25.0", Sites: []string{"shop", from}, Connected: &yes, Seen: noon},
			{Name: from, Version: from, RuleSet: from, Connected: &no, Seen: noon.Add(-26 * time.Hour), Spooled: 12, Overflow: 3},
			{Name: "edge-3", RuleSet: "crs 4.25.0", Seen: noon},
		},
		RuleSet: RuleSet{Stable: "5f2b1c0d9e8f7a6b5c4d", Candidate: "aa11bb22cc33dd44ee55", Stage: "canary", Since: noon.Add(-72 * time.Hour)},
		Partial: []string{"2 blocks are damaged", from},
	}
	for i := range 28 {
		w.Traffic.Points = append(w.Traffic.Points, dashboards.TrafficPoint{Time: noon.Add(time.Duration(i-28) * 6 * time.Hour), Blocked: int64(800 + 30*i), Allowed: int64(40000 + 700*i)})
	}
	w.Before = &Stretch{From: w.From, To: noon.Add(-96 * time.Hour), Rates: dashboards.Rates{{Kind: "false_positive", Enough: true, Value: 0.0311, Low: 0.02, High: 0.05, Labels: 200, N: 500000}}}
	w.After = &Stretch{From: noon.Add(-72 * time.Hour), To: w.To, Rates: dashboards.Rates{{Kind: "false_positive", Enough: true, Value: 0.0042, Low: 0.0021, High: 0.0077, Labels: 212, N: 500000}}}
	w.Advice = advise(w)
	return w
}
