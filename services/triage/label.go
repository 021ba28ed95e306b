package triage

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/state"
)

// Labels that a decision can have.
const (
	TruePositive  = "true_positive"  // the request was an attack
	FalsePositive = "false_positive" // it was not, and a rule matched
	Benign        = "benign"         // it was not
	Unsure        = "unsure"         // it was looked at, and cannot be told
)

var labels = []string{TruePositive, FalsePositive, Benign, Unsure}

// Labels returns all labels that there are.
func Labels() []string { return slices.Clone(labels) }

// Truth is what a label says of a request. Without one, and if somebody was
// unsure, nothing is known.
func Truth(label string) verdict.Truth {
	switch label {
	case TruePositive:
		return verdict.Attack
	case FalsePositive, Benign:
		return verdict.Legitimate
	}
	return verdict.Unknown
}

// Label gives a decision a label. It is a leaf of the audit log, a record of the
// queue that raises the revision of the verdict, and a row of the state; without the
// leaf or the record there is no label.
func (d *Desk) Label(ctx context.Context, ref Ref, label, reason, actor string) (*Detail, error) {
	if !slices.Contains(labels, label) {
		return nil, fmt.Errorf("label %.40q %w: want %s", label, ErrInvalid, strings.Join(labels, ", "))
	}
	return d.change(ctx, ref, func(*Detail) (state.Label, error) {
		return state.Label{Label: label, Reason: reason, Actor: actor}, nil
	})
}

// Undo takes back a label of a decision, the one that holds if id is 0. What held
// before it holds again. It is made durable as a label is.
func (d *Desk) Undo(ctx context.Context, ref Ref, id int64, reason, actor string) (*Detail, error) {
	return d.change(ctx, ref, func(x *Detail) (state.Label, error) {
		if id == 0 {
			id = x.Label.ID
		}
		if id == 0 && len(x.History) > 0 {
			return state.Label{}, fmt.Errorf("label of the decision %w: no label holds", ErrUndone)
		}
		if id == 0 || !slices.ContainsFunc(x.History, func(l state.Label) bool { return l.ID == id && l.Undoes == 0 }) {
			return state.Label{}, fmt.Errorf("label of the decision: %w", state.ErrNotFound)
		}
		if slices.ContainsFunc(x.History, func(l state.Label) bool { return l.Undoes == id }) {
			return state.Label{}, fmt.Errorf("label %d %w", id, ErrUndone)
		}
		return state.Label{Undoes: id, Reason: reason, Actor: actor}, nil
	})
}

// change adds a row to what is said of a decision.
func (d *Desk) change(ctx context.Context, ref Ref, row func(*Detail) (state.Label, error)) (*Detail, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, err := d.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	l, err := row(x)
	if err != nil {
		return nil, err
	}
	leaf := labelLeaf(x, l)
	err = d.do(ctx, act{leaf: leaf, ids: 1, make: func(a state.LabelAct) ([]*event.Event, state.Late) {
		l.ID, l.Act = a.ID, a.ID
		e := x.say(&l, a.Time)
		if l.Undoes != 0 { // which label holds then was not known before
			leaf.Detail["label"] = x.Label.Label
		}
		return []*event.Event{e}, state.Late{Labels: []state.Label{l}, Verdicts: []state.Verdict{x.Latest}}
	}})
	if err != nil {
		return nil, err
	}
	d.wake()
	return x, nil
}

// say adds a row to what is said of a decision, and returns it as an event. What
// the row has of the decision is filled in.
func (x *Detail) say(l *state.Label, at time.Time) *event.Event {
	key := x.key()
	l.Source, l.EventID, l.DecisionTime, l.Alike, l.Time = x.Source, x.ID, x.Time, key.alike(&x.Decision), at
	x.History = append(x.History, *l)
	x.Label = holding(x.History)
	if x.Gone { // a verdict needs the decision
		return x.event(*l, state.Verdict{})
	}
	x.Latest = x.revise(*l)
	x.Revision, x.PRevised, x.Moved = x.Latest.Revision, x.Latest.PAttack, nil
	return x.event(*l, x.Latest)
}

// key is the group of the decision.
func (x *Detail) key() GroupKey { return keyOf(&x.Decision, x.Matches) }

// revise is the verdict with the label that holds now.
func (x *Detail) revise(l state.Label) state.Verdict {
	v := state.Verdict{
		Source: x.Source, EventID: x.ID, Revision: x.Revision + 1, Kind: string(x.Kind), Model: x.Model,
		PAttack: x.PAttack, DecisionTime: x.Time, Time: l.Time,
	}
	switch Truth(x.Label.Label) {
	case verdict.Attack:
		v.PAttack = 1
	case verdict.Legitimate:
		v.PAttack = 0
	}
	if x.Blocked {
		v.PFalsePositive = 1 - v.PAttack
	} else {
		v.PMissed = v.PAttack
	}
	return v
}

// event is the revision as an event. Where neither model nor label know anything
// it has no probability.
func (x *Detail) event(l state.Label, v state.Verdict) *event.Event {
	e := &event.Event{Time: l.Time.UnixNano()}
	said := "labelled " + l.Label
	if l.Undoes != 0 {
		said = "label " + strconv.FormatInt(l.Undoes, 10) + " undone"
	}
	e.AddText(event.EventKind, "enrichment")
	e.AddText(event.Message, said+" by "+l.Actor)
	e.AddText(event.VerdictEventID, x.ID)
	e.AddText(pipeline.VerdictSource, x.Source)
	e.AddText(pipeline.VerdictDecided, x.Time.Format(time.RFC3339Nano))
	e.AddText(event.WAFSite, x.Site)
	e.AddText(event.WAFNode, x.Node)
	e.AddInt(pipeline.VerdictLabelID, l.ID)
	e.AddInt(pipeline.VerdictAct, l.Act)
	if l.Undoes != 0 {
		e.AddInt(pipeline.VerdictUndoes, l.Undoes)
	}
	e.AddText(pipeline.VerdictAlike, l.Alike)
	if l.Within != "" {
		e.AddText(pipeline.VerdictWithin, l.Within)
	}
	if !x.Gone && (x.Judged || Truth(x.Label.Label) != verdict.Unknown) {
		e.Add(event.VerdictPAttack, event.Float(v.PAttack))
		if x.Blocked {
			e.Add(event.VerdictPFalse, event.Float(v.PFalsePositive))
		} else {
			e.Add(event.VerdictPMissed, event.Float(v.PMissed))
		}
	}
	if v.Revision > 0 {
		e.AddText(event.VerdictKind, v.Kind)
		e.AddText(event.VerdictModel, v.Model)
		e.AddInt(event.VerdictRevision, int64(v.Revision))
	}
	e.AddText(pipeline.VerdictLabel, x.Label.Label)
	e.AddText(pipeline.VerdictReason, l.Reason)
	e.AddText(pipeline.VerdictActor, l.Actor)
	return e
}

func labelLeaf(x *Detail, l state.Label) audit.Leaf {
	leaf := audit.Leaf{Actor: l.Actor, Act: audit.ActLabel, Object: x.ID, Detail: map[string]string{
		"source": x.Source, "label": l.Label, "site": x.Site, "time": x.Time.Format(time.RFC3339Nano),
	}}
	if l.Undoes != 0 {
		leaf.Act = audit.ActUnlabel
		leaf.Detail["undoes"] = strconv.FormatInt(l.Undoes, 10)
	}
	if l.Reason != "" {
		leaf.Detail["reason"] = l.Reason
	}
	return leaf
}
