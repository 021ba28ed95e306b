package state

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"
)

// Draw is a decision that was drawn to be labelled.
type Draw struct {
	Source, EventID string    // name the decision
	Probability     float64   // with which it was drawn, above 0 and at most 1
	DecisionTime    time.Time // of the decision
	Time            time.Time // of the draw
}

// insertDraw keeps a draw. A decision that was drawn before keeps the probability
// it was drawn with then.
func insertDraw(ctx context.Context, tx *sql.Tx, w *Draw) error {
	if !(w.Probability > 0 && w.Probability <= 1) {
		return fmt.Errorf("probability %v %w: want one above 0 and at most 1", w.Probability, ErrInvalid)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO draws (source, event_id, probability, decision_time, drawn_at)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT (source, event_id) DO NOTHING`,
		w.Source, w.EventID, w.Probability, decided(w.DecisionTime), w.Time.UnixNano())
	return err
}

// Draws returns at most limit draws of decisions in from <= time < to, in order
// of the decisions; a zero time is no bound.
func (d *DB) Draws(ctx context.Context, from, to time.Time, limit int) ([]Draw, error) {
	first, end := decisionRange(from, to)
	all, err := list(ctx, d.read, drawOf, `SELECT source, event_id, probability, decision_time, drawn_at FROM draws
		WHERE decision_time >= ? AND decision_time < ? ORDER BY decision_time, source, event_id LIMIT ?`, first, end, limit)
	if err != nil {
		return nil, fmt.Errorf("list draws: %w", err)
	}
	return all, nil
}

func drawOf(r row) (Draw, error) {
	var w Draw
	var decided, at int64
	err := r.Scan(&w.Source, &w.EventID, &w.Probability, &decided, &at)
	w.DecisionTime, w.Time = moment(decided), moment(at)
	return w, err
}

// LabelsThatHold returns at most limit labels that are not undone, of decisions
// in from <= time < to; a zero time is no bound. They come in the order in which
// they were given: of two about one decision the later one counts.
func (d *DB) LabelsThatHold(ctx context.Context, from, to time.Time, limit int) ([]Label, error) {
	first, end := decisionRange(from, to)
	all, err := list(ctx, d.read, labelOf, "SELECT "+labelColumns+` FROM labels l
		WHERE decision_time >= ? AND decision_time < ? AND undoes = 0 AND NOT EXISTS (SELECT 1 FROM labels u
		WHERE u.source = l.source AND u.event_id = l.event_id AND u.undoes = l.id) ORDER BY id LIMIT ?`, first, end, limit)
	if err != nil {
		return nil, fmt.Errorf("list labels: %w", err)
	}
	return all, nil
}

func decisionRange(from, to time.Time) (first, end int64) {
	first, end = math.MinInt64, math.MaxInt64
	if !from.IsZero() {
		first = from.UnixNano()
	}
	if !to.IsZero() {
		end = to.UnixNano()
	}
	return first, end
}
