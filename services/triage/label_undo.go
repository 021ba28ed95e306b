package triage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
)

// UndoBy takes back the labels that somebody gave at a time or later and that still
// hold, as one act: for a token that was in other hands. who is the actor as labels
// name it. The newest are taken, at most [MaxGroupLabels] and one of a decision; More
// says that there are others, for another act.
func (d *Desk) UndoBy(ctx context.Context, who string, since time.Time, reason, actor string) (*Covered, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if since.IsZero() {
		since = time.Unix(0, 0)
	}
	held, err := d.State.LabelsOfActor(ctx, who, since, MaxGroupLabels+1)
	if err != nil {
		return nil, err
	}
	if len(held) == 0 {
		return nil, fmt.Errorf("labels of %.200q: %w, or all of them are undone already", who, state.ErrNotFound)
	}
	given, seen := []state.Label{}, map[Ref]bool{}
	for _, l := range held {
		if ref := (Ref{l.EventID, l.Source}); !seen[ref] && len(given) < MaxGroupLabels {
			given, seen[ref] = append(given, l), true
		}
	}
	all, err := d.labelled(ctx, given)
	if err != nil {
		return nil, err
	}
	c := &Covered{More: len(given) < len(held)}
	c.describe(all)
	leaf := c.leaf(audit.ActUnlabel, actor, reason)
	leaf.Object, leaf.Detail["labels_of"], leaf.Detail["since"] = who, who, since.UTC().Format(time.RFC3339Nano)
	c.Act, err = d.undo(ctx, leaf, all, given)
	return c, err
}

// undo takes labels of decisions back, as one act.
func (d *Desk) undo(ctx context.Context, leaf audit.Leaf, all []*Detail, given []state.Label) (int64, error) {
	undoes := map[Ref]int64{}
	for _, l := range given {
		undoes[Ref{l.EventID, l.Source}] = l.ID
	}
	return d.say(ctx, leaf, all, func(x *Detail) state.Label {
		return state.Label{Undoes: undoes[x.Ref], Reason: leaf.Detail["reason"], Actor: leaf.Actor}
	})
}

// labelled reads the decisions that labels are of, with all that is said of them.
// One that the store has no more is known by its label alone.
func (d *Desk) labelled(ctx context.Context, given []state.Label) ([]*Detail, error) {
	left := map[Ref]state.Label{}
	first, last := given[0].DecisionTime, given[0].DecisionTime
	for _, l := range given {
		left[Ref{l.EventID, l.Source}] = l
		if l.DecisionTime.Before(first) {
			first = l.DecisionTime
		}
		if l.DecisionTime.After(last) {
			last = l.DecisionTime
		}
	}
	var all []*Detail
	partial, err := d.scan(ctx, Selection{From: first, To: last.Add(1)}, summary, func(e *event.Event) error {
		x := &Detail{Matches: readMatches(e)}
		x.read(e)
		if _, ok := left[x.Ref]; ok {
			delete(left, x.Ref)
			all = append(all, x)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(partial) > 0 { // what was not read would seem to be gone
		return nil, fmt.Errorf("read decisions: the answer of the store is not whole: %s", partial[0])
	}
	for _, ref := range slices.SortedFunc(maps.Keys(left), func(a, b Ref) int { return strings.Compare(a.ID, b.ID) }) {
		all = append(all, &Detail{Decision: Decision{Ref: ref, Time: left[ref].DecisionTime}, Gone: true})
	}
	for _, x := range all {
		if err := d.complete(ctx, x); err != nil {
			return nil, err
		}
	}
	return all, nil
}
