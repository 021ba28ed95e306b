package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Label is what a person says that a decision was. It is never changed: who errs
// undoes it, which is a row of its own.
type Label struct {
	ID      int64
	Source  string // with EventID it names the decision
	EventID string
	Label   string // such as attack or legit; "" in a row that undoes another one
	Reason  string
	Actor   string
	Time    time.Time
	Undoes  int64 // id of the label that this row undoes, 0 if none

	DecisionTime time.Time // of the decision
}

const labelColumns = "id, source, event_id, label, reason, actor, time, undoes, decision_time"

// AddLabel keeps a label and returns it with its id and time. before, if it is
// not nil, is called first, within the transaction, for which other writers wait;
// its error undoes all.
func (d *DB) AddLabel(ctx context.Context, l Label, before func(Label) error) (Label, error) {
	l.Undoes = 0
	if l.Label == "" || len(l.Label) > maxName {
		return Label{}, fmt.Errorf("add label: label %w: want 1 to %d bytes", ErrInvalid, maxName)
	}
	return d.addLabel(ctx, l, before)
}

// UndoLabel adds a row that undoes a label. One that is undone already is
// ErrConflict.
func (d *DB) UndoLabel(ctx context.Context, id int64, actor, reason string, before func(Label) error) (Label, error) {
	undone, err := labelOf(d.read.QueryRowContext(ctx, "SELECT "+labelColumns+" FROM labels WHERE id = ? AND undoes = 0", id))
	if err != nil {
		return Label{}, fmt.Errorf("undo label: %w", explain(err))
	}
	return d.addLabel(ctx, Label{
		Source: undone.Source, EventID: undone.EventID, DecisionTime: undone.DecisionTime, Reason: reason, Actor: actor, Undoes: id,
	}, before)
}

func (d *DB) addLabel(ctx context.Context, l Label, before func(Label) error) (Label, error) {
	if err := l.validate(); err != nil {
		return Label{}, fmt.Errorf("add label: %w", err)
	}
	l.Time = d.now().UTC()
	err := d.change(ctx, func(tx *sql.Tx) error {
		var undone int
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) + 1,
			(SELECT COUNT(*) FROM labels WHERE undoes = ? AND undoes <> 0) FROM labels`, l.Undoes).Scan(&l.ID, &undone); err != nil {
			return err
		}
		if undone > 0 {
			return fmt.Errorf("label %d %w: it is undone", l.Undoes, ErrConflict)
		}
		if before != nil {
			if err := before(l); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO labels ("+labelColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			l.ID, l.Source, l.EventID, l.Label, l.Reason, l.Actor, l.Time.UnixNano(), l.Undoes, decided(l.DecisionTime))
		return err
	})
	if err != nil {
		return Label{}, fmt.Errorf("add label: %w", err)
	}
	return l, nil
}

func (l *Label) validate() error {
	if l.EventID == "" || len(l.EventID) > maxText || len(l.Source) > maxText {
		return fmt.Errorf("decision %w: want the id of an event and its source", ErrInvalid)
	}
	if len(l.Reason) > maxNote {
		return fmt.Errorf("reason %w: want at most %d bytes", ErrInvalid, maxNote)
	}
	for _, s := range []string{l.Source, l.EventID, l.Label, l.Reason, l.Actor} {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return fmt.Errorf("text %w: want UTF-8 without NUL", ErrInvalid)
		}
	}
	return nil
}

// Labels returns all rows about a decision, the oldest first, also those that
// were undone and those that undo them.
func (d *DB) Labels(ctx context.Context, source, eventID string) ([]Label, error) {
	all, err := list(ctx, d.read, labelOf, "SELECT "+labelColumns+" FROM labels WHERE source = ? AND event_id = ? ORDER BY id", source, eventID)
	if err != nil {
		return nil, fmt.Errorf("list labels: %w", err)
	}
	return all, nil
}

// LabelOf returns the label of a decision that holds: the newest one that is not
// undone. ErrNotFound means that there is none.
func (d *DB) LabelOf(ctx context.Context, source, eventID string) (Label, error) {
	l, err := labelOf(d.read.QueryRowContext(ctx, "SELECT "+labelColumns+` FROM labels l
		WHERE source = ? AND event_id = ? AND undoes = 0 AND NOT EXISTS (SELECT 1 FROM labels u WHERE u.source = l.source
		AND u.event_id = l.event_id AND u.undoes = l.id) ORDER BY id DESC LIMIT 1`, source, eventID))
	if err != nil {
		return l, fmt.Errorf("read label: %w", explain(err))
	}
	return l, nil
}

func labelOf(r row) (Label, error) {
	var l Label
	var at, decided int64
	err := r.Scan(&l.ID, &l.Source, &l.EventID, &l.Label, &l.Reason, &l.Actor, &at, &l.Undoes, &decided)
	if errors.Is(err, sql.ErrNoRows) {
		return l, fmt.Errorf("label: %w", ErrNotFound)
	}
	l.Time, l.DecisionTime = moment(at), moment(decided)
	return l, err
}

// decided is the time of a decision in Unix nanoseconds, 0 if it is not known.
func decided(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
