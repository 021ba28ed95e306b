package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Late is what became known of decisions after they were stored. The queue has
// all of it as records, from which it can be made again.
type Late struct {
	Labels   []Label
	Draws    []Draw
	Frames   []Frame
	Verdicts []Verdict
	Acts     []int64 // that came about with it; 0 is none
}

// Empty tells whether nothing became known.
func (l *Late) Empty() bool { return len(l.Labels)+len(l.Draws)+len(l.Frames)+len(l.Verdicts) == 0 }

// PutLate keeps what became known, in one transaction. What it has already
// changes nothing, and of two revisions of a verdict the higher one stays, so that
// all may come again and in any order. A label whose id another one has is an error
// ([ErrOtherContent]): to leave it out would lose what was acknowledged.
func (d *DB) PutLate(ctx context.Context, l Late) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		acts := map[int64]bool{}
		for _, id := range l.Acts {
			acts[id] = true
		}
		for i := range l.Labels {
			if err := insertLabel(ctx, tx, &l.Labels[i]); err != nil {
				return err
			}
		}
		for i := range l.Draws {
			if err := insertDraw(ctx, tx, &l.Draws[i]); err != nil {
				return err
			}
		}
		for i := range l.Frames {
			if err := insertFrame(ctx, tx, &l.Frames[i]); err != nil {
				return err
			}
		}
		for i := range l.Verdicts {
			if err := insertVerdict(ctx, tx, &l.Verdicts[i]); err != nil {
				return err
			}
		}
		for id := range acts {
			if _, err := tx.ExecContext(ctx, "DELETE FROM label_acts WHERE id = ?", id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put what became known of decisions: %w", err)
	}
	return nil
}

// LabelAct is an act of which nobody knows yet whether it came about.
type LabelAct struct {
	ID    int64 // of its first label
	Act   string
	Actor string
	Time  time.Time
}

// labelIDs names the next id of a label among the offsets.
const labelIDs = "labels"

// BeginAct takes n ids for the labels of an act, which are never given out again,
// and remembers the act until [DB.PutLate] or [DB.ForgetAct] is called for it.
func (d *DB) BeginAct(ctx context.Context, act, actor string, n int) (LabelAct, error) {
	a := LabelAct{Act: text(act), Actor: text(actor), Time: d.now().UTC()}
	err := d.change(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT MAX(id) FROM (SELECT COALESCE(MAX(id), 0) + 1 AS id FROM labels
			UNION ALL SELECT next FROM offsets WHERE consumer = ?) AS ids`, labelIDs).Scan(&a.ID); err != nil {
			return err
		}
		if err := setOffset(ctx, tx, labelIDs, uint64(a.ID)+uint64(n)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO label_acts (id, act, actor, time) VALUES (?, ?, ?, ?)", a.ID, a.Act, a.Actor, a.Time.UnixNano())
		return err
	})
	if err != nil {
		return a, fmt.Errorf("begin act: %w", err)
	}
	return a, nil
}

// ForgetAct says that an act did not come about, or that it needs no second look.
func (d *DB) ForgetAct(ctx context.Context, id int64) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM label_acts WHERE id = ?", id)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget act: %w", err)
	}
	return nil
}

// OpenActs returns the acts of which nobody knows whether they came about.
func (d *DB) OpenActs(ctx context.Context) ([]LabelAct, error) {
	all, err := list(ctx, d.read, func(r row) (a LabelAct, err error) {
		var at int64
		err = r.Scan(&a.ID, &a.Act, &a.Actor, &at)
		a.Time = moment(at)
		return a, err
	}, "SELECT id, act, actor, time FROM label_acts ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list acts: %w", err)
	}
	return all, nil
}

// KnowsLabels tells whether the state is one that took part in all acts about
// labels; a new one is not, in a data folder with labels of before.
func (d *DB) KnowsLabels(ctx context.Context) (bool, error) {
	var next int64
	err := d.read.QueryRowContext(ctx, "SELECT next FROM offsets WHERE consumer = ?", labelIDs).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read offset: %w", explain(err))
	}
	return true, nil
}

// SetKnowsLabels says that it does.
func (d *DB) SetKnowsLabels(ctx context.Context) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO offsets (consumer, next) VALUES (?, 1) ON CONFLICT (consumer) DO NOTHING", labelIDs)
		return err
	})
	if err != nil {
		return fmt.Errorf("write offset: %w", err)
	}
	return nil
}
