package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// NoticePlan says which alerts get a message of their own.
type NoticePlan struct {
	MinSeverity int64 // others are passed over
	// PerHour and PerRule are how many messages may arrive within any hour, in all and
	// of one rule. Alerts of a severity below Severe have half of the former, so that
	// who makes many of them keeps no severe one from being told.
	PerHour, PerRule int
	Severe           int64
	// Make makes a message. An id that is there already makes none.
	Make func(Alert) (id, content string, err error)
}

// budgetTime is the time over which messages are counted.
const budgetTime = time.Hour

// planRows is how many alerts one transaction looks at.
const planRows = 200

// PlanNotices looks at the alerts that nobody was told of yet: each gets a notice,
// or is held for a digest. more is true if there are others. What was looked at and
// what came of it is one transaction.
func (d *DB) PlanNotices(ctx context.Context, p NoticePlan) (more bool, err error) {
	// This is asked every few seconds, and mostly there is nothing to write.
	var behind bool
	if err := d.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM offsets n, offsets s
		WHERE n.consumer = ? AND s.consumer = ? AND s.next > n.next)`, noticed, serials).Scan(&behind); err != nil || !behind {
		return false, explain(err)
	}
	err = d.change(ctx, func(tx *sql.Tx) error {
		from, err := offset(ctx, tx, noticed)
		if errors.Is(err, ErrNotFound) { // stopped meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		last, err := lastSerial(ctx, tx)
		if err != nil {
			return err
		}
		upTo := min(last, from+planRows)
		more = upTo < last
		if err := d.plan(ctx, tx, p, from, upTo); err != nil {
			return err
		}
		return setOffset(ctx, tx, noticed, uint64(upTo))
	})
	if err != nil {
		return false, fmt.Errorf("plan notices: %w", err)
	}
	return more, nil
}

// plan makes notices of the alerts from < serial <= upTo.
func (d *DB) plan(ctx context.Context, tx *sql.Tx, p NoticePlan, from, upTo int64) error {
	now := d.now()
	spent, err := spentBudget(ctx, tx, now)
	if err != nil {
		return err
	}
	alerts, err := alertsOf(ctx, tx, from, upTo)
	if err != nil {
		return err
	}
	if missing := upTo - from - int64(len(alerts)); missing > 0 { // retention was faster
		if err := hold(ctx, tx, now.UnixNano(), HeldRule{Count: missing, First: now, Last: now}); err != nil {
			return err
		}
	}
	for _, a := range alerts {
		if a.Severity < p.MinSeverity {
			continue
		}
		if !spent.allows(p, a) {
			if err := hold(ctx, tx, now.UnixNano(), HeldRule{
				RuleID: a.RuleID, RuleName: a.RuleName, Count: 1, Severity: a.Severity, First: a.Time, Last: a.Time,
			}); err != nil {
				return err
			}
			continue
		}
		id, content, err := p.Make(a)
		if err != nil {
			return fmt.Errorf("alert %s: %w", a.ID, err)
		}
		n, err := addNotice(ctx, tx, Notice{
			ID: id, Kind: NoticeFinding, AlertID: a.ID, RuleID: a.RuleID, RuleName: a.RuleName, Severity: a.Severity, Time: a.Time,
			Content: content, Created: now, Next: now,
		})
		if err != nil {
			return err
		}
		spent.all, spent.rule[a.RuleID] = spent.all+int(n), spent.rule[a.RuleID]+int(n)
	}
	return nil
}

// alertsOf reads the alerts from < serial <= upTo in their order.
func alertsOf(ctx context.Context, tx *sql.Tx, from, upTo int64) (all []Alert, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+alertColumns+" FROM alerts WHERE serial > ? AND serial <= ? ORDER BY serial", from, upTo)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		a, err := alertOf(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, rows.Err()
}

func addNotice(ctx context.Context, tx *sql.Tx, n Notice) (int64, error) {
	at := int64(0)
	if !n.Time.IsZero() {
		at = n.Time.UnixNano()
	}
	return rows(tx.ExecContext(ctx, "INSERT INTO notices ("+noticeColumns+") VALUES "+noticeMarks+" ON CONFLICT (id) DO NOTHING",
		n.ID, string(n.Kind), n.AlertID, n.RuleID, n.RuleName, n.Severity, at, n.Content, string(NoticePending), 0, "",
		n.Created.UnixNano(), n.Next.UnixNano(), 0))
}

// spending is how many messages of findings have arrived within the last hour or
// may arrive at any time. Since each one that is pending counts, no hour sees more
// of them than a plan allows, however long the receiver was away.
type spending struct {
	all  int
	rule map[string]int
}

func spentBudget(ctx context.Context, tx *sql.Tx, now time.Time) (s spending, err error) {
	s.rule = map[string]int{}
	rows, err := tx.QueryContext(ctx, `SELECT rule_id, COUNT(*) FROM notices WHERE kind = 'finding'
		AND (status = 'pending' OR status = 'delivered' AND done_time > ?) GROUP BY rule_id`, now.Add(-budgetTime).UnixNano())
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var rule string
		var n int
		if err := rows.Scan(&rule, &n); err != nil {
			return s, err
		}
		s.rule[rule] = n
		s.all += n
	}
	return s, rows.Err()
}

func (s *spending) allows(p NoticePlan, a Alert) bool {
	most := p.PerHour
	if a.Severity < p.Severe {
		most = (most + 1) / 2
	}
	return s.all < most && s.rule[a.RuleID] < p.PerRule
}
