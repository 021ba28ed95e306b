package triage

import (
	"context"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Each calls yield with the decisions of a selection, the newest first, and what is
// known of them; if like has an id, with those of the group of that decision only. The
// decision is valid during the call. An error that yield returns ends it and is
// returned. partial says why the answer is not whole, if it is not.
func (d *Desk) Each(ctx context.Context, s Selection, like Ref, yield func(*Decision) error) (partial []string, err error) {
	var group GroupKey
	if like.ID != "" {
		x, err := d.Get(ctx, like)
		if err != nil {
			return nil, err
		}
		group = x.key()
	}
	m, err := d.marks(ctx, s)
	if err != nil {
		return nil, err
	}
	var x Decision
	return d.scan(ctx, s, listed, func(e *event.Event) error {
		x.read(e)
		if like.ID != "" && keyOf(&x, readMatches(e)) != group {
			return nil
		}
		m.on(&x)
		return yield(&x)
	})
}

// EachCounted calls yield with the decisions of a selection, the newest first, each with
// how [Desk.Rates] counts it, which means nothing of one that is not judged. The decision
// is valid during the call. An error that yield returns ends it and is returned. partial
// says why the answer is not whole, if it is not.
func (d *Desk) EachCounted(ctx context.Context, s Selection, yield func(*Decision, verdict.Decided) error) (partial []string, err error) {
	m, err := d.marks(ctx, s)
	if err != nil {
		return nil, err
	}
	f, err := d.frames(ctx)
	if err != nil {
		return nil, err
	}
	var x Decision
	return d.scan(ctx, s, slices.Concat(f.fields, m.fields, listed), func(e *event.Event) error {
		x.read(e)
		m.on(&x)
		return yield(&x, counted(e, &x, &m, &f))
	})
}
