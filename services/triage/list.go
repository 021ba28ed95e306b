package triage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Order is what a list begins with.
type Order string

// Orders of decisions.
const (
	Newest      Order = "newest"
	ByWrong     Order = "wrong"          // the likeliest to be wrong
	ByFalse     Order = "false_positive" // blocks, the likeliest to be wrong
	ByMissed    Order = "missed"         // allowed requests, the likeliest to be attacks
	ByUncertain Order = "uncertain"      // those of which the model knows least
)

var orders = []Order{Newest, ByWrong, ByFalse, ByMissed, ByUncertain}

// MaxRanked is how many decisions a ranked list has at most, over all its pages.
const MaxRanked = 2000

// Place is where a page of the newest decisions begins: behind that decision.
// The zero Place is before the newest one.
type Place struct {
	Time time.Time
	Ref  Ref
}

// List asks for decisions.
type List struct {
	Selection
	Order    Order    // "" is Newest
	Labelled Labelled // "" is LabelledLast, for Newest LabelledMixed
	Drawn    bool     // only those that were drawn for labelling
	After    Place    // for Newest
	Skip     int      // for the other orders
	Size     int      // most decisions, at least 1
}

// Page is part of a list.
type Page struct {
	Decisions []Decision
	More      bool     // there is another page
	Partial   []string // why the answer is not whole; empty if it is
}

// Decisions lists decisions.
func (d *Desk) Decisions(ctx context.Context, l List) (*Page, error) {
	if l.Labelled == "" && (l.Order == "" || l.Order == Newest) {
		l.Labelled = LabelledMixed
	}
	if err := l.Labelled.fill(); err != nil {
		return nil, err
	}
	m, err := d.marks(ctx, l.Selection)
	if err != nil {
		return nil, err
	}
	switch l.Order {
	case "", Newest:
		if l.Labelled == LabelledLast {
			return nil, fmt.Errorf("labelled %q %w: the newest come in the order of time", l.Labelled, ErrInvalid)
		}
		return d.newest(ctx, l, &m)
	case ByWrong, ByFalse, ByMissed, ByUncertain:
		return d.ranked(ctx, l, &m)
	}
	return nil, fmt.Errorf("order %.40q %w: want one of %v", l.Order, ErrInvalid, orders)
}

// each calls yield with the decisions that a list may hold.
func (d *Desk) each(ctx context.Context, l List, m *marks, yield func(*Decision) error) ([]string, error) {
	var x Decision
	return d.scan(ctx, l.Selection, listed, func(e *event.Event) error {
		x.read(e)
		m.on(&x)
		if !l.Labelled.takes(&x) || l.Drawn && x.Drawn == 0 {
			return nil
		}
		return yield(&x)
	})
}

func (d *Desk) newest(ctx context.Context, l List, m *marks) (*Page, error) {
	page := &Page{}
	behind := l.After == Place{}
	if end := l.After.Time.Add(1); !behind && (l.To.IsZero() || end.Before(l.To)) {
		l.To = end
	}
	var err error
	page.Partial, err = d.each(ctx, l, m, func(x *Decision) error {
		if !behind {
			behind = x.Ref == l.After.Ref || x.Time.Before(l.After.Time)
			if x.Ref == l.After.Ref {
				return nil
			}
		}
		if !behind {
			return nil
		}
		if page.More = len(page.Decisions) == l.Size; page.More {
			return errEnough
		}
		page.Decisions = append(page.Decisions, *x)
		return nil
	})
	return page, err
}

// ranked keeps the best of all decisions while they stream by.
func (d *Desk) ranked(ctx context.Context, l List, m *marks) (*Page, error) {
	most := min(l.Skip+l.Size+1, MaxRanked)
	var best []rankedDecision
	place := 0
	page := &Page{}
	var err error
	page.Partial, err = d.each(ctx, l, m, func(x *Decision) error {
		value, ok := l.Order.value(x)
		if !ok {
			return nil
		}
		if l.Labelled == LabelledLast && x.Label.ID != 0 {
			value -= behindAll
		}
		place++
		if best = append(best, rankedDecision{*x, value, place}); len(best) >= 2*most+512 {
			best = theBest(best, most)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	best = theBest(best, most)
	best = best[min(l.Skip, len(best)):]
	page.More = len(best) > l.Size
	for _, x := range best[:min(l.Size, len(best))] {
		page.Decisions = append(page.Decisions, x.Decision)
	}
	return page, nil
}

// behindAll is more than any value is.
const behindAll = 10

type rankedDecision struct {
	Decision
	value float64
	place int // in order of time
}

func theBest(all []rankedDecision, most int) []rankedDecision {
	slices.SortFunc(all, func(a, b rankedDecision) int {
		return cmp.Or(cmp.Compare(b.value, a.value), a.place-b.place)
	})
	n := min(most, len(all))
	clear(all[n:])
	return all[:n]
}

// value is how far at the front a decision stands, if it is in the list at all.
func (o Order) value(x *Decision) (float64, bool) {
	switch o {
	case ByFalse:
		return x.Wrong(), x.Blocked
	case ByMissed:
		return x.Wrong(), !x.Blocked
	case ByUncertain:
		return x.Now() * (1 - x.Now()), x.Judged
	}
	return x.Wrong(), true
}
