package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxFilter bounds the text of a filter, in bytes.
const maxFilter = 1 << 16

// Frame is what a draw was from: the decisions in First <= time < Last that a filter
// takes and that had come in by Received. Labels of a draw say nothing of others.
type Frame struct {
	Act         int64     // of the draw
	Filter      string    // of the query language, "" takes all
	First, Last time.Time // a zero time is no bound
	Received    time.Time
	Time        time.Time // of the draw
}

// insertFrame keeps a frame that is not there yet.
func insertFrame(ctx context.Context, tx *sql.Tx, f *Frame) error {
	if f.Act < 1 || len(f.Filter) > maxFilter {
		return fmt.Errorf("frame of a draw %w: want an act, and a filter of at most %d bytes", ErrInvalid, maxFilter)
	}
	first, last := decisionRange(f.First, f.Last)
	_, err := tx.ExecContext(ctx, `INSERT INTO frames (act, filter, first, last, received, drawn_at)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (act) DO NOTHING`, f.Act, f.Filter, first, last, f.Received.UnixNano(), f.Time.UnixNano())
	return err
}

// Frames returns the frames of the newest draws, at most limit.
func (d *DB) Frames(ctx context.Context, limit int) ([]Frame, error) {
	all, err := list(ctx, d.read, func(r row) (f Frame, err error) {
		var first, last, received, at int64
		err = r.Scan(&f.Act, &f.Filter, &first, &last, &received, &at)
		least, most := decisionRange(time.Time{}, time.Time{})
		if first != least {
			f.First = moment(first)
		}
		if last != most {
			f.Last = moment(last)
		}
		f.Received, f.Time = time.Unix(0, received).UTC(), moment(at)
		return f, err
	}, "SELECT act, filter, first, last, received, drawn_at FROM frames ORDER BY act DESC LIMIT ?", limit)
	if err != nil {
		return nil, fmt.Errorf("list frames of draws: %w", err)
	}
	return all, nil
}

// Span is what one act labelled of a group.
type Span struct {
	Act         int64
	Alike       string    // the group
	Label       string    // that was given
	Within      string    // the filter that took its decisions, "" takes all
	First, Last time.Time // of its decisions
	N           int       // of labels that hold, at least 2
}

// Spans returns, for each act that labelled several decisions of a group, the
// newest acts first, what of it holds; at most limit.
func (d *DB) Spans(ctx context.Context, limit int) ([]Span, error) {
	all, err := list(ctx, d.read, func(r row) (s Span, err error) {
		var first, last int64
		err = r.Scan(&s.Act, &s.Alike, &s.Label, &s.Within, &first, &last, &s.N)
		s.First, s.Last = moment(first), moment(last)
		return s, err
	}, `SELECT act, alike, MIN(label), COALESCE((SELECT w.within FROM labels w WHERE w.id = l.act), ''), MIN(decision_time), MAX(decision_time), COUNT(*) FROM labels l
		WHERE act <> 0 AND undoes = 0 AND alike <> '' AND NOT EXISTS (SELECT 1 FROM labels u
		WHERE u.source = l.source AND u.event_id = l.event_id AND u.undoes = l.id)
		GROUP BY act, alike HAVING COUNT(*) > 1 ORDER BY act DESC LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("list acts about groups: %w", err)
	}
	return all, nil
}

// ErrOtherContent means that what has to be kept differs from what is kept under
// the same name.
var ErrOtherContent = errors.New("is kept already, with other content")
