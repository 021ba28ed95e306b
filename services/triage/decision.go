package triage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Ref names a decision. Source may be empty where the id is enough.
type Ref struct{ ID, Source string }

// Decision is what a WAF decided of one request, and what is thought of that.
type Decision struct {
	Ref
	Time    time.Time
	Dataset string
	ByLog   bool // as a log of a WAF tells, not the stream of a node
	Site    string
	Node    string
	Client  string
	User    string // who is signed in, as far as the event tells
	Method  string
	Path    string
	Blocked bool   // what the rules asked for
	Action  string // what was done
	Score   int64
	Rules   []string // that scored
	Request string   // its http.request.id, which a copy that is kept for replay has too
	Kept    float64  // probability with which the node kept that copy, 0 if it did not

	// Judged is false if the event has no verdict; what follows then means nothing.
	Judged   bool
	PAttack  float64
	Kind     verdict.Kind
	Model    string
	Evidence []Evidence // strongest first

	// Revision of the verdict that holds; 0 is the one of the moment. Otherwise
	// PRevised is the probability of it, and Moved what came to the evidence.
	Revision uint64
	PRevised float64
	Moved    []Evidence

	Label state.Label // that holds; one without an id is none
	Drawn float64     // probability with which it was drawn for labelling, 0 if it was not
}

// Evidence is one reason of a verdict.
type Evidence struct {
	Name   string
	Weight float64 // log-odds; positive speaks for an attack
	Detail string
}

// Match is one value that a rule matched.
type Match struct{ Rule, Variable, Value, Message, Severity string }

// Bounds of what is taken over from an event.
const (
	maxText     = 2048 // bytes of one text
	maxRules    = 64
	maxEvidence = 16
	maxMatches  = 150
)

// read fills d from an event. Nothing of the event is kept.
func (d *Decision) read(e *event.Event) {
	of := func(keys ...event.Key) string {
		for _, k := range keys {
			if e.Has(k) {
				return clip(e.Get(k).String())
			}
		}
		return ""
	}
	*d = Decision{
		Ref: Ref{strings.Clone(e.ID), strings.Clone(e.Source)}, Time: time.Unix(0, e.Time).UTC(), Dataset: strings.Clone(e.Dataset),
		ByLog: e.Get(event.GatewatchWAF).Text() == event.WAFByLog,
		Site:  of(event.WAFSite, event.URLDomain), Node: of(event.WAFNode, event.ObserverName), Client: of(event.ClientIP, event.SourceIP), User: of(event.UserID, event.UserName),
		Method: of(event.HTTPRequestMethod), Path: of(event.URLPath), Action: of(event.WAFAction),
		Blocked: isBlock(e), Score: e.Get(event.WAFAnomalyScore).Int(), Rules: texts(e, event.RuleID, maxRules),
		Request: of(event.HTTPRequestID), Kept: e.Get(event.WAFSampleProb).Float(),
		Kind: verdict.Kind(of(event.VerdictKind)), Model: of(event.VerdictModel),
	}
	d.PAttack, d.Judged = pAttack(e)
	for _, text := range texts(e, event.VerdictEvidence, maxEvidence) {
		d.Evidence = append(d.Evidence, readEvidence(text))
	}
}

func isBlock(e *event.Event) bool { return strings.EqualFold(e.Get(event.WAFDecision).Text(), "block") }

// pAttack is the probability of the verdict in an event.
func pAttack(e *event.Event) (p float64, ok bool) {
	v := e.Get(event.VerdictPAttack)
	p = v.Float()
	return p, v.Kind() != event.KindNone && p >= 0 && p <= 1
}

// clip is a bounded copy of a text.
func clip(s string) string {
	return strings.ToValidUTF8(strings.Clone(s[:min(len(s), maxText)]), "\ufffd")
}

func texts(e *event.Event, k event.Key, most int) (all []string) {
	for v := range e.Values(k) {
		if len(all) == most {
			break
		}
		all = append(all, clip(v.String()))
	}
	return all
}

// readEvidence reads name|weight|detail.
func readEvidence(text string) Evidence {
	name, rest, _ := strings.Cut(text, "|")
	weight, detail, _ := strings.Cut(rest, "|")
	w, _ := strconv.ParseFloat(weight, 64) // 0 if it is none
	return Evidence{name, w, detail}
}

func readMatches(e *event.Event) []Match {
	var all []Match
	column := func(k event.Key, set func(*Match, string)) {
		for i, text := range texts(e, k, maxMatches) {
			if i == len(all) && k.Is(event.WAFMatchRuleID) {
				all = append(all, Match{})
			}
			if i < len(all) {
				set(&all[i], text)
			}
		}
	}
	column(event.WAFMatchRuleID, func(m *Match, s string) { m.Rule = s })
	column(event.WAFMatchVariable, func(m *Match, s string) { m.Variable = s })
	column(event.WAFMatchValue, func(m *Match, s string) { m.Value = s })
	column(event.WAFMatchMessage, func(m *Match, s string) { m.Message = s })
	column(event.WAFMatchSeverity, func(m *Match, s string) { m.Severity = s })
	return all
}

// Wrong is the probability that the decision was wrong: 0 or 1 where a label says
// so, 0 where nothing is known.
func (d *Decision) Wrong() float64 {
	return wrong(d.Blocked, d.Now(), d.Judged, Truth(d.Label.Label))
}

// Now is the probability of an attack by all that is known now, labels of the
// decision itself excepted.
func (d *Decision) Now() float64 {
	if d.Revision > 0 && len(d.Moved) > 0 {
		return d.PRevised
	}
	return d.PAttack
}

// known is the probability of an attack by all that is known now, with a label 0 or
// 1.
func (d *Decision) known() float64 {
	switch Truth(d.Label.Label) {
	case verdict.Attack:
		return 1
	case verdict.Legitimate:
		return 0
	}
	return d.Now()
}

// revised adds the newest revision of the verdict.
func (d *Decision) revised(v *state.Verdict) {
	d.Revision, d.PRevised, d.Moved = v.Revision, v.PAttack, nil
	for _, text := range v.Evidence {
		d.Moved = append(d.Moved, readEvidence(text))
	}
}

// Partial tells whether the verdict rests on a log alone, without the whole request.
func (d *Decision) Partial() bool {
	return slices.ContainsFunc(d.Evidence, func(e Evidence) bool { return e.Name == pipeline.EvidencePartial })
}

func wrong(blocked bool, p float64, judged bool, truth verdict.Truth) float64 {
	switch {
	case truth == verdict.Attack:
		p = 1
	case truth == verdict.Legitimate:
		p = 0
	case !judged:
		return 0
	}
	if blocked {
		return 1 - p
	}
	return p
}

// Detail is a decision with all that is known of it.
type Detail struct {
	Decision
	Matches []Match
	Latest  state.Verdict // the newest revision, if there is one
	History []state.Label // all rows about it, the oldest first

	Gone bool // the store has it no more: only its labels are known
}

// Get returns a decision.
func (d *Desk) Get(ctx context.Context, ref Ref) (*Detail, error) {
	return d.get(ctx, ref, func(*event.Event) {})
}

// get returns a decision, and hands its event to more.
func (d *Desk) get(ctx context.Context, ref Ref, more func(*event.Event)) (*Detail, error) {
	var found []*Detail
	_, err := d.scan(ctx, Selection{Filter: ref.filter()}, nil, func(e *event.Event) error {
		x := &Detail{Matches: readMatches(e)}
		x.read(e)
		if x.ID == ref.ID { // comparisons of the query language know no case
			found = append(found, x)
			more(e)
		}
		if len(found) > 1 {
			return errEnough
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("%w: %.200q", ErrNotFound, ref.ID)
	case len(found) > 1 && found[0].Ref != found[1].Ref:
		return nil, ErrAmbiguous
	}
	return found[0], d.complete(ctx, found[0])
}

// complete adds what the state knows.
func (d *Desk) complete(ctx context.Context, x *Detail) (err error) {
	if x.History, err = d.State.Labels(ctx, x.Source, x.ID); err != nil {
		return err
	}
	x.Label = holding(x.History)
	x.Latest, err = d.State.Verdict(ctx, x.Source, x.ID)
	if errors.Is(err, state.ErrNotFound) {
		x.Latest = state.Verdict{}
		return nil
	}
	x.revised(&x.Latest)
	return err
}

// holding is the newest label that is not undone.
func holding(rows []state.Label) state.Label {
	var undone []int64
	for _, l := range slices.Backward(rows) {
		if l.Undoes != 0 {
			undone = append(undone, l.Undoes)
		} else if !slices.Contains(undone, l.ID) {
			return l
		}
	}
	return state.Label{}
}

func (r Ref) filter() query.Expr {
	quoted := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	text := "event.id: " + quoted(r.ID)
	if r.Source != "" {
		text += " and gatewatch.source: " + quoted(r.Source)
	}
	q, err := query.Parse(text, time.Time{})
	if err != nil {
		return query.None // such as an id with a control character: no event has it
	}
	return q.Filter
}
