// Package report makes reports on demand: what happened in a time range, what it
// means, and what to do about it, for people who print and programs that read on.
package report

import (
	"context"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/figures"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// Parts are what reports are made of.
type Parts struct {
	Events    figures.Events
	Desk      Desk
	State     State
	Proposals ProposalsFunc
	Nodes     func() []Node // in order of their names
	Rules     func() RuleSet
	Version   string // of the program
	// Now is the clock; its location is that of the times in reports.
	Now func() time.Time
}

// Desk is what is needed of a triage.Desk.
type Desk interface {
	figures.Desk
	Groups(ctx context.Context, l triage.GroupList) (*triage.GroupPage, error)
}

// State is what is needed of a state.DB.
type State interface {
	LabelsThatHold(ctx context.Context, from, to time.Time, limit int) ([]state.Label, error)
	Alerts(ctx context.Context, after state.Place, yield func(state.Alert) bool) error
}

// ProposalsFunc returns at most limit proposals with ids above after, by their ids.
type ProposalsFunc func(ctx context.Context, after int64, limit int) ([]*proposals.Proposal, error)

// Node is a WAF node.
type Node struct {
	Name, Version, RuleSet string
	Sites                  []string
	Connected              *bool // nil where nobody knows: no server is asked
	Seen                   time.Time
	Spooled, Overflow      uint64 // records that wait on the node; that it has lost
}

// RuleSet says which bundles of rules are rolled out.
type RuleSet struct {
	Stable    string    // for all requests, "" for the nodes' own rules
	Candidate string    // that is tried out, "" for none
	Stage     string    // of the candidate
	Since     time.Time // zero without a rollout
}

// Ask says what a report is about.
type Ask struct {
	From, To time.Time // zero: the seven days up to now
	Language dashboards.Language
}

// DefaultRange is what a report is about unless somebody says otherwise.
const DefaultRange = 7 * 24 * time.Hour

// Bounds of a report.
const (
	maxLabels    = 200_000
	maxAlerts    = 100_000
	maxProposals = 1000
	maxChanges   = 20 // that are told of
	maxOpen      = 10
	maxGroups    = 8
	maxFindings  = 12
)

// WAF is the security report: how well the WAFs do, what was tuned and to what effect,
// what was attacked, and what to do next.
type WAF struct {
	Language   dashboards.Language
	Made       time.Time
	From, To   time.Time
	Version    string
	Requests   int64
	Blocked    int64
	BlockRate  tuning.Share     // with the interval of the traffic that these requests are a sample of
	Rates      dashboards.Rates // of all, then by site
	RuleShares dashboards.Rates // false share of the blocks of rules
	Labels     []Labelled       // by label
	Traffic    dashboards.Traffic
	WhatIf     dashboards.WhatIf
	Rules      dashboards.Rules
	Attackers  dashboards.Attackers
	Targets    dashboards.Targets
	Changes    []Change  // of the rules, the newest first
	Before     *Stretch  // before the first change; nil without one
	After      *Stretch  // after the last one
	Open       []Open    // proposals that wait, the most helpful first
	Suspects   []Suspect // blocks that are likely wrong
	Missed     []Suspect // allowed requests that are likely attacks
	Findings   []Finding
	Nodes      []Node
	RuleSet    RuleSet
	Advice     []Advice // the most urgent first
	Partial    []string // why it is not whole
}

// Labelled counts the decisions of the range that people gave a label.
type Labelled struct {
	Label string
	N     int
}

// Stretch is the rates of a part of the range.
type Stretch struct {
	From, To time.Time
	Rates    dashboards.Rates
}

// Make makes the security report.
func Make(ctx context.Context, p Parts, a Ask) (*WAF, error) {
	now := p.Now()
	if a.To.IsZero() {
		a.To = now
	}
	if a.From.IsZero() {
		a.From = a.To.Add(-DefaultRange)
	}
	w := &WAF{Language: a.Language, Made: now, From: a.From.In(now.Location()), To: a.To.In(now.Location()), Version: p.Version}
	m := &maker{WAF: w, parts: p, reader: figures.Reader{Events: p.Events, From: a.From, To: a.To}}
	for _, step := range []func(context.Context) error{m.count, m.rate, m.label, m.tune, m.suspect, m.find} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	w.Nodes, w.RuleSet = p.Nodes(), p.Rules()
	w.Partial = m.reader.Partial
	w.Advice = advise(w)
	return w, nil
}

// maker fills a report.
type maker struct {
	*WAF
	parts  Parts
	reader figures.Reader
}
