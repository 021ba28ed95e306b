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

// Label gives a decision a label. It is a row of the state, a leaf of the audit
// log, and a record of the queue that raises the revision of the verdict; all are
// durable on return, and without the leaf or the record there is no row.
func (d *Desk) Label(ctx context.Context, ref Ref, label, reason, actor string) (*Detail, error) {
	if !slices.Contains(labels, label) {
		return nil, fmt.Errorf("label %.40q %w: want %s", label, ErrInvalid, strings.Join(labels, ", "))
	}
	return d.change(ctx, ref, func(x *Detail, publish func(state.Label) error) error {
		_, err := d.State.AddLabel(ctx, state.Label{
			Source: x.Source, EventID: x.ID, DecisionTime: x.Time, Label: label, Reason: reason, Actor: actor,
		}, publish)
		return err
	})
}

// Undo takes back a label of a decision, the one that holds if id is 0. What held
// before it holds again. It is made durable as a label is.
func (d *Desk) Undo(ctx context.Context, ref Ref, id int64, reason, actor string) (*Detail, error) {
	return d.change(ctx, ref, func(x *Detail, publish func(state.Label) error) error {
		if id == 0 {
			id = x.Label.ID
		}
		if id == 0 || !slices.ContainsFunc(x.History, func(l state.Label) bool { return l.ID == id && l.Undoes == 0 }) {
			return fmt.Errorf("label of the decision: %w", state.ErrNotFound)
		}
		_, err := d.State.UndoLabel(ctx, id, actor, reason, publish)
		return err
	})
}

// change changes the labels of a decision. do is given what publishes the row
// before it is kept.
func (d *Desk) change(ctx context.Context, ref Ref, do func(*Detail, func(state.Label) error) error) (*Detail, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, err := d.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	var revised state.Verdict
	err = do(x, func(l state.Label) error {
		x.History = append(x.History, l)
		x.Label = holding(x.History)
		revised = x.revise(l)
		if _, err := d.Audit(ctx, labelLeaf(x, l)); err != nil {
			return err
		}
		d.seq++
		return pipeline.AppendRevision(ctx, d.Queue, d.epoch, d.seq, d.Now(), x.event(l, revised))
	})
	if err != nil {
		return nil, err
	}
	x.Revision, x.Latest = revised.Revision, revised
	// The pipeline keeps it too, when it comes to the record.
	return x, d.State.PutVerdicts(ctx, []state.Verdict{revised})
}

// revision is the newest verdict of a decision.
func (d *Desk) revision(ctx context.Context, ref Ref) (uint64, state.Verdict, error) {
	v, err := d.State.Verdict(ctx, ref.Source, ref.ID)
	if errors.Is(err, state.ErrNotFound) {
		return 0, state.Verdict{}, nil
	}
	return v.Revision, v, err
}

// revise is the verdict with the label that holds now.
func (x *Detail) revise(l state.Label) state.Verdict {
	v := state.Verdict{
		Source: x.Source, EventID: x.ID, Revision: x.Revision + 1, Kind: string(x.Kind), Model: x.Model,
		PAttack: x.PAttack, Time: l.Time,
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
	e.AddText(event.WAFSite, x.Site)
	e.AddText(event.WAFNode, x.Node)
	if x.Judged || Truth(x.Label.Label) != verdict.Unknown {
		e.Add(event.VerdictPAttack, event.Float(v.PAttack))
		if x.Blocked {
			e.Add(event.VerdictPFalse, event.Float(v.PFalsePositive))
		} else {
			e.Add(event.VerdictPMissed, event.Float(v.PMissed))
		}
	}
	e.AddText(event.VerdictKind, v.Kind)
	e.AddText(event.VerdictModel, v.Model)
	e.AddInt(event.VerdictRevision, int64(v.Revision))
	e.AddText(pipeline.VerdictLabel, x.Label.Label)
	e.AddText(pipeline.VerdictReason, l.Reason)
	e.AddText(pipeline.VerdictActor, l.Actor)
	return e
}

func labelLeaf(x *Detail, l state.Label) audit.Leaf {
	leaf := audit.Leaf{Actor: l.Actor, Act: audit.ActLabel, Object: x.ID, Detail: map[string]string{
		"source": x.Source, "label": l.Label, "site": x.Site, "id": strconv.FormatInt(l.ID, 10), "time": x.Time.Format(time.RFC3339Nano),
	}}
	if l.Undoes != 0 {
		leaf.Act = audit.ActUnlabel
		leaf.Detail["label"], leaf.Detail["undoes"] = x.Label.Label, strconv.FormatInt(l.Undoes, 10)
	}
	if l.Reason != "" {
		leaf.Detail["reason"] = l.Reason
	}
	return leaf
}
