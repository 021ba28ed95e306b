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
	Act     int64 // id of the first label of the act that it was given by

	DecisionTime time.Time // of the decision
	Alike        string    // what decisions share that the label speaks of, "" if there are none
	Within       string    // in the first label of an act: the filter that took its decisions, "" takes all
}

const labelColumns = "id, source, event_id, label, reason, actor, time, undoes, decision_time, act, alike, within"

// Check tells whether a label can be kept as it is.
func (l *Label) Check() error {
	if l.EventID == "" || len(l.EventID) > maxText || len(l.Source) > maxText {
		return fmt.Errorf("decision %w: want the id of an event and its source", ErrInvalid)
	}
	if len(l.Label) > maxName || (l.Label == "") != (l.Undoes != 0) {
		return fmt.Errorf("label %w: want 1 to %d bytes", ErrInvalid, maxName)
	}
	if len(l.Reason) > maxNote {
		return fmt.Errorf("reason %w: want at most %d bytes", ErrInvalid, maxNote)
	}
	if len(l.Within) > maxFilter {
		return fmt.Errorf("filter of labels %w: want at most %d bytes", ErrInvalid, maxFilter)
	}
	for _, s := range []string{l.Source, l.EventID, l.Label, l.Reason, l.Actor, l.Alike, l.Within} {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return fmt.Errorf("text %w: want UTF-8 without NUL", ErrInvalid)
		}
	}
	return nil
}

// insertLabel keeps a label that is not there yet. Another one under its id is
// ErrOtherContent.
func insertLabel(ctx context.Context, tx *sql.Tx, l *Label) error {
	r, err := tx.ExecContext(ctx, "INSERT INTO labels ("+labelColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
		l.ID, l.Source, l.EventID, l.Label, l.Reason, l.Actor, l.Time.UnixNano(), l.Undoes, decided(l.DecisionTime), l.Act, l.Alike, l.Within)
	if n, err := rows(r, err); n > 0 || err != nil {
		return err
	}
	kept, err := labelOf(tx.QueryRowContext(ctx, "SELECT "+labelColumns+" FROM labels WHERE id = ?", l.ID))
	if err != nil {
		return err
	}
	if kept.Source != l.Source || kept.EventID != l.EventID || kept.Label != l.Label || kept.Undoes != l.Undoes ||
		kept.Actor != l.Actor || kept.Reason != l.Reason {
		return fmt.Errorf("label %d of %.200q %w: it is of %.200q", l.ID, l.EventID, ErrOtherContent, kept.EventID)
	}
	return nil
}

// LabelsOfAct returns the labels that were given by an act and hold, the oldest
// first, at most limit.
func (d *DB) LabelsOfAct(ctx context.Context, act int64, limit int) ([]Label, error) {
	all, err := list(ctx, d.read, labelOf, "SELECT "+labelColumns+` FROM labels l WHERE act = ? AND act <> 0 AND undoes = 0
		AND NOT EXISTS (SELECT 1 FROM labels u WHERE u.source = l.source AND u.event_id = l.event_id AND u.undoes = l.id)
		ORDER BY id LIMIT ?`, act, limit)
	if err != nil {
		return nil, fmt.Errorf("list labels of an act: %w", err)
	}
	return all, nil
}

// LabelsOfActor returns the labels that somebody gave at a time or later and that
// hold, the newest first, at most limit.
func (d *DB) LabelsOfActor(ctx context.Context, actor string, since time.Time, limit int) ([]Label, error) {
	all, err := list(ctx, d.read, labelOf, "SELECT "+labelColumns+` FROM labels l WHERE actor = ? AND time >= ? AND undoes = 0
		AND NOT EXISTS (SELECT 1 FROM labels u WHERE u.source = l.source AND u.event_id = l.event_id AND u.undoes = l.id)
		ORDER BY id DESC LIMIT ?`, actor, since.UnixNano(), limit)
	if err != nil {
		return nil, fmt.Errorf("list labels of an actor: %w", err)
	}
	return all, nil
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
	err := r.Scan(&l.ID, &l.Source, &l.EventID, &l.Label, &l.Reason, &l.Actor, &at, &l.Undoes, &decided, &l.Act, &l.Alike, &l.Within)
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
