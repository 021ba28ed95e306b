package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Verdict is the newest revision of what is thought of a WAF decision.
type Verdict struct {
	Source, EventID string // name the decision
	Revision        uint64
	Kind, Model     string
	PAttack         float64
	PFalsePositive  float64
	PMissed         float64
	Time            time.Time
}

// PutVerdicts keeps those verdicts whose revision is higher than the one that is
// kept, in one transaction, so that they may come again and in any order.
func (d *DB) PutVerdicts(ctx context.Context, all []Verdict) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		for _, v := range all {
			_, err := tx.ExecContext(ctx, `INSERT INTO verdicts
				(source, event_id, revision, kind, model, p_attack, p_false_positive, p_missed, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (source, event_id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, model = excluded.model,
				p_attack = excluded.p_attack, p_false_positive = excluded.p_false_positive, p_missed = excluded.p_missed,
				time = excluded.time WHERE excluded.revision > verdicts.revision`,
				text(v.Source), text(v.EventID), v.Revision, text(v.Kind), text(v.Model), v.PAttack, v.PFalsePositive, v.PMissed, v.Time.UnixNano())
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put verdicts: %w", err)
	}
	return nil
}

// Verdict returns the newest revision of a decision's verdict.
func (d *DB) Verdict(ctx context.Context, source, eventID string) (Verdict, error) {
	v := Verdict{Source: source, EventID: eventID}
	var at int64
	err := d.read.QueryRowContext(ctx, `SELECT revision, kind, model, p_attack, p_false_positive, p_missed, time
		FROM verdicts WHERE source = ? AND event_id = ?`, source, eventID).
		Scan(&v.Revision, &v.Kind, &v.Model, &v.PAttack, &v.PFalsePositive, &v.PMissed, &at)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return v, fmt.Errorf("read verdict: %w", explain(err))
	}
	v.Time = moment(at)
	return v, nil
}
