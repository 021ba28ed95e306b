package state

import (
	"context"
	"database/sql"
	"encoding/json"
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
	Evidence        []string  // name|weight|detail of what came to the verdict of the moment
	DecisionTime    time.Time // of the decision
	Time            time.Time
}

const verdictColumns = "source, event_id, revision, kind, model, p_attack, p_false_positive, p_missed, evidence, decision_time, time"

// insertVerdict keeps a verdict whose revision is higher than the one that is
// kept.
func insertVerdict(ctx context.Context, tx *sql.Tx, v *Verdict) error {
	evidence := []string{}
	for _, e := range v.Evidence {
		evidence = append(evidence, text(e))
	}
	encoded, err := json.Marshal(evidence)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO verdicts ("+verdictColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (source, event_id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, model = excluded.model,
		p_attack = excluded.p_attack, p_false_positive = excluded.p_false_positive, p_missed = excluded.p_missed,
		evidence = excluded.evidence, decision_time = excluded.decision_time,
		time = excluded.time WHERE excluded.revision > verdicts.revision`,
		text(v.Source), text(v.EventID), v.Revision, text(v.Kind), text(v.Model), v.PAttack, v.PFalsePositive, v.PMissed,
		string(encoded), decided(v.DecisionTime), v.Time.UnixNano())
	return err
}

// Verdict returns the newest revision of a decision's verdict.
func (d *DB) Verdict(ctx context.Context, source, eventID string) (Verdict, error) {
	v, err := verdictOf(d.read.QueryRowContext(ctx, "SELECT "+verdictColumns+" FROM verdicts WHERE source = ? AND event_id = ?", source, eventID))
	if err != nil {
		return v, fmt.Errorf("read verdict: %w", explain(err))
	}
	return v, nil
}

// Verdicts returns the revisions of decisions in from <= time < to, a zero time
// is no bound: those of the newest decisions, at most limit.
func (d *DB) Verdicts(ctx context.Context, from, to time.Time, limit int) ([]Verdict, error) {
	first, end := decisionRange(from, to)
	all, err := list(ctx, d.read, verdictOf, "SELECT "+verdictColumns+` FROM verdicts
		WHERE decision_time >= ? AND decision_time < ? ORDER BY decision_time DESC, source, event_id LIMIT ?`, first, end, limit)
	if err != nil {
		return nil, fmt.Errorf("list verdicts: %w", err)
	}
	return all, nil
}

// verdictOf reads a row of verdictColumns. None is ErrNotFound.
func verdictOf(r row) (Verdict, error) {
	var v Verdict
	var evidence string
	var at, decided int64
	err := r.Scan(&v.Source, &v.EventID, &v.Revision, &v.Kind, &v.Model, &v.PAttack, &v.PFalsePositive, &v.PMissed, &evidence, &decided, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return v, fmt.Errorf("verdict: %w", ErrNotFound)
	}
	if err != nil {
		return v, err
	}
	v.Time, v.DecisionTime = moment(at), moment(decided)
	if err := json.Unmarshal([]byte(evidence), &v.Evidence); err != nil {
		return v, fmt.Errorf("verdict of %s: %w", v.EventID, err)
	}
	if len(v.Evidence) == 0 {
		v.Evidence = nil
	}
	return v, nil
}
