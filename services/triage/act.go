package triage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
)

// act is one thing that a person does about decisions: a label of one or of many,
// its undoing, a draw. It comes about in one order:
//
//  1. ids of labels are taken, and the act is remembered as open;
//  2. the leaf of the audit log is written: without it nothing happens;
//  3. the records are appended to the queue, all or nothing: from here on the act
//     has come about, and a lost state can be made again from them;
//  4. the rows of the state are written, which the pipeline would do too when it
//     comes to the records, and the act is no longer open.
//
// A leaf without an act, where the queue refuses the records, is followed by one that
// says so; where a crash came between, [Desk.Settle] writes that one, and so it does where the queue failed while it wrote.
type act struct {
	leaf audit.Leaf
	ids  int
	make func(state.LabelAct) ([]*event.Event, state.Late)
}

// errUnseen says that what was done can be seen later only.
var errUnseen = errors.New("is durable, and can be seen once the state has it")

// errUnknown says that nobody knows yet whether an act came about.
var errUnknown = errors.New("may have come about, which the next start of the server finds out")

// do lets an act come about. The desk must be locked. After an error of the state
// alone (errUnseen) it has.
func (d *Desk) do(ctx context.Context, a act) error {
	if err := d.awaitReady(ctx); err != nil {
		return err
	}
	begun, err := d.State.BeginAct(ctx, a.leaf.Act, a.leaf.Actor, max(a.ids, 1))
	if err != nil {
		return err
	}
	events, late := a.make(begun)
	late.Acts = []int64{begun.ID}
	a.leaf.Detail[detailAct] = strconv.FormatInt(begun.ID, 10)
	for i := range late.Labels {
		if err := late.Labels[i].Check(); err != nil {
			return errors.Join(fmt.Errorf("label decision: %w", err), d.State.ForgetAct(ctx, begun.ID))
		}
	}
	ctx = context.WithoutCancel(ctx) // a caller who leaves now would leave half of it
	if _, err := d.Audit(ctx, a.leaf); err != nil {
		return errors.Join(err, d.State.ForgetAct(ctx, begun.ID))
	}
	switch err := d.append(ctx, events); {
	case err == nil:
	case !errors.Is(err, queue.ErrFull) && !errors.Is(err, queue.ErrClosed):
		// The records may be durable: whether they are, the next start finds out.
		return fmt.Errorf("%s %d %w: %w", a.leaf.Act, begun.ID, errUnknown, err)
	default:
		return errors.Join(err, d.withdraw(ctx, begun, "failure"))
	}
	if err := d.State.PutLate(ctx, late); err != nil {
		return fmt.Errorf("%s %d %w: %w", a.leaf.Act, begun.ID, errUnseen, err)
	}
	return nil
}

const detailAct = "act"

// append appends events as records of the server. The desk must be locked.
func (d *Desk) append(ctx context.Context, events []*event.Event) error {
	first := d.seq + 1
	d.seq += uint64(len(events))
	return pipeline.AppendLate(ctx, d.Queue, d.epoch, first, d.Now(), events)
}

// withdraw says that an act did not come about, of which there is a leaf.
func (d *Desk) withdraw(ctx context.Context, a state.LabelAct, why string) error {
	_, err := d.Audit(ctx, audit.Leaf{Actor: a.Actor, Act: audit.ActNoLabel, Object: a.Act, Detail: map[string]string{
		detailAct: strconv.FormatInt(a.ID, 10), audit.DetailWhy: why, "begun": a.Time.Format(time.RFC3339Nano),
	}})
	if err != nil {
		return fmt.Errorf("withdraw %s %d: %w", a.Act, a.ID, err)
	}
	return d.State.ForgetAct(ctx, a.ID)
}

// settle lets acts be taken.
func (d *Desk) settle() { d.settled.Do(func() { close(d.ready) }) }

// awaitReady returns once acts are taken.
func (d *Desk) awaitReady(ctx context.Context) error {
	select {
	case <-d.ready:
		return nil
	default:
	}
	late := time.NewTimer(d.Await)
	defer late.Stop()
	select {
	case <-d.ready:
		return nil
	case <-late.C:
		return ErrNotReady
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Settle writes a leaf for each act that a crash has cut off: it may have one of
// its own, and did not come about. It is called at the start, once the pipeline has
// passed on what the queue held; from then on acts are taken.
func (d *Desk) Settle(ctx context.Context) error {
	select {
	case <-d.ready:
		d.mu.Lock()
		defer d.mu.Unlock()
	default: // an act that holds the lock may wait for this, and has done nothing yet
	}
	open, err := d.State.OpenActs(ctx)
	if err != nil {
		return err
	}
	for _, a := range open {
		if err := d.withdraw(ctx, a, "crash"); err != nil {
			return err
		}
	}
	d.settle()
	return nil
}
