package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// HeldRule is what a digest tells of one rule.
type HeldRule struct {
	RuleID, RuleName string // empty for what is not known by rule
	Count            int64
	Undelivered      int64 // of these, whose message did not arrive in time
	Severity         int64 // the highest
	First, Last      time.Time
}

// maxHeld bounds the rules that are held apart; the others count together.
const maxHeld = 1000

// hold adds findings to those of the digest to come.
func hold(ctx context.Context, tx *sql.Tx, now int64, h HeldRule) error {
	var others int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM held_findings WHERE notice_id = '' AND rule_id <> ?", h.RuleID).Scan(&others); err != nil {
		return err
	}
	if others >= maxHeld {
		h.RuleID, h.RuleName = "", ""
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO held_findings (notice_id, rule_id, rule_name, count, undelivered, severity, first_time, last_time, held_time)"+
		" VALUES ('', ?, ?, ?, ?, ?, ?, ?, ?) "+joinHeld,
		h.RuleID, h.RuleName, h.Count, h.Undelivered, h.Severity, h.First.UnixNano(), h.Last.UnixNano(), now)
	return err
}

// joinHeld adds what is held of a rule to what was held of it.
const joinHeld = `ON CONFLICT (notice_id, rule_id) DO UPDATE SET
	count = held_findings.count + excluded.count, undelivered = held_findings.undelivered + excluded.undelivered,
	severity = CASE WHEN excluded.severity > held_findings.severity THEN excluded.severity ELSE held_findings.severity END,
	first_time = CASE WHEN excluded.first_time < held_findings.first_time THEN excluded.first_time ELSE held_findings.first_time END,
	last_time = CASE WHEN excluded.last_time > held_findings.last_time THEN excluded.last_time ELSE held_findings.last_time END,
	held_time = CASE WHEN excluded.held_time < held_findings.held_time THEN excluded.held_time ELSE held_findings.held_time END`

// reopenHeld has the next digest tell what one that was given up told of.
func reopenHeld(ctx context.Context, tx *sql.Tx, notice string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO held_findings (notice_id, rule_id, rule_name, count, undelivered, severity, first_time, last_time, held_time)
		SELECT '', rule_id, rule_name, count, undelivered, severity, first_time, last_time, held_time FROM held_findings WHERE notice_id = ? `+joinHeld, notice); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM held_findings WHERE notice_id = ?", notice)
	return err
}

// DigestNotices makes a notice of all findings that are held, if the first one is
// held for so long and no other digest is pending. make is given them by rule, the
// most severe and most frequent first. Calls must not overlap.
func (d *DB) DigestNotices(ctx context.Context, after time.Duration, make func([]HeldRule) (id, content string, err error)) (made bool, err error) {
	now := d.now()
	var since sql.NullInt64
	var pending int
	if err := d.read.QueryRowContext(ctx, `SELECT (SELECT MIN(held_time) FROM held_findings WHERE notice_id = ''),
		(SELECT COUNT(*) FROM notices WHERE kind = 'digest' AND status = 'pending')`).Scan(&since, &pending); err != nil {
		return false, fmt.Errorf("make digest: %w", explain(err))
	}
	if !since.Valid || pending > 0 || now.Sub(time.Unix(0, since.Int64)) < after {
		return false, nil
	}
	err = d.change(ctx, func(tx *sql.Tx) error {
		held, err := heldRules(ctx, tx)
		if err != nil {
			return err
		}
		id, content, err := make(held)
		if err != nil {
			return err
		}
		if _, err := addNotice(ctx, tx, Notice{ID: id, Kind: NoticeDigest, Content: content, Created: now, Next: now}); err != nil {
			return err
		}
		made = true
		_, err = tx.ExecContext(ctx, "UPDATE held_findings SET notice_id = ? WHERE notice_id = ''", id)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("make digest: %w", err)
	}
	return made, nil
}

func heldRules(ctx context.Context, tx *sql.Tx) (all []HeldRule, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT rule_id, rule_name, count, undelivered, severity, first_time, last_time
		FROM held_findings WHERE notice_id = '' ORDER BY severity DESC, count DESC, rule_id`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h HeldRule
		var first, last int64
		if err := rows.Scan(&h.RuleID, &h.RuleName, &h.Count, &h.Undelivered, &h.Severity, &first, &last); err != nil {
			return nil, err
		}
		h.First, h.Last = moment(first), moment(last)
		all = append(all, h)
	}
	return all, rows.Err()
}
