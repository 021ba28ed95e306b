package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// NoticeStatus is where a notice stands.
type NoticeStatus string

// The life of a notice.
const (
	NoticePending   NoticeStatus = "pending"
	NoticeDelivered NoticeStatus = "delivered"
	NoticeDead      NoticeStatus = "dead" // given up: a digest tells of what it was about
)

// NoticeKind is what a notice tells of.
type NoticeKind string

// The kinds of notices.
const (
	NoticeFinding NoticeKind = "finding"
	NoticeDigest  NoticeKind = "digest" // of findings without a message of their own
)

// Notice is a message to those who are told of findings. Its content is the same
// at each try.
type Notice struct {
	ID       string // the same at each try
	Kind     NoticeKind
	AlertID  string // empty for a digest, as the next ones
	RuleID   string
	RuleName string
	Severity int64
	Time     time.Time // of the event of the finding
	Content  string
	Status   NoticeStatus
	Tries    int
	Reason   string // why the last try came to nothing
	Created  time.Time
	Next     time.Time // it is not tried before
	Done     time.Time // delivered or given up, else zero
}

// Names of offsets: the serial of the newest alert, and up to which one alerts are
// told of. The latter is there while somebody is told.
const (
	serials = "alert_serials"
	noticed = "notices"
)

const (
	noticeColumns = "id, kind, alert_id, rule_id, rule_name, severity, event_time, content, status, tries, reason, create_time, next_time, done_time"
	noticeMarks   = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	// noticeAge is how long notices stay that are delivered or dead.
	noticeAge = 30 * day
)

func noticeOf(r row) (n Notice, err error) {
	var at, created, next, done int64
	err = r.Scan(&n.ID, &n.Kind, &n.AlertID, &n.RuleID, &n.RuleName, &n.Severity, &at, &n.Content, &n.Status, &n.Tries, &n.Reason, &created, &next, &done)
	if at != 0 {
		n.Time = moment(at)
	}
	if done != 0 {
		n.Done = moment(done)
	}
	n.Created, n.Next = moment(created), moment(next)
	return n, err
}

// offset reads an offset, or ErrNotFound.
func offset(ctx context.Context, tx *sql.Tx, consumer string) (next int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT next FROM offsets WHERE consumer = ?", consumer).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrNotFound
	}
	return next, err
}

// lastSerial is the serial of the newest alert.
func lastSerial(ctx context.Context, tx *sql.Tx) (int64, error) {
	n, err := offset(ctx, tx, serials)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// StartNotices has alerts told of that are made from now on. Where that was so
// before, it goes on where it stood.
func (d *DB) StartNotices(ctx context.Context) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := offset(ctx, tx, noticed)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		last, err := lastSerial(ctx, tx)
		if err != nil {
			return err
		}
		return setOffset(ctx, tx, noticed, uint64(last))
	})
	if err != nil {
		return fmt.Errorf("start notices: %w", err)
	}
	return nil
}

// StopNotices has nobody told of alerts that are made from now on. Notices that
// are pending stay.
func (d *DB) StopNotices(ctx context.Context) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM offsets WHERE consumer = ?", noticed)
		return err
	})
	if err != nil {
		return fmt.Errorf("stop notices: %w", err)
	}
	return nil
}

// DueNotice returns a notice that may be tried now, or ErrNotFound.
func (d *DB) DueNotice(ctx context.Context) (Notice, error) {
	n, err := noticeOf(d.read.QueryRowContext(ctx, "SELECT "+noticeColumns+` FROM notices
		WHERE status = ? AND next_time <= ? ORDER BY next_time, id LIMIT 1`, string(NoticePending), d.now().UnixNano()))
	if errors.Is(err, sql.ErrNoRows) {
		return n, ErrNotFound
	}
	if err != nil {
		return n, fmt.Errorf("find notice: %w", explain(err))
	}
	return n, nil
}

// OverdueNotice returns the oldest notice that was made by a time, was tried and is
// still pending, or ErrNotFound.
func (d *DB) OverdueNotice(ctx context.Context, made time.Time) (Notice, error) {
	n, err := noticeOf(d.read.QueryRowContext(ctx, "SELECT "+noticeColumns+` FROM notices
		WHERE status = ? AND tries > 0 AND create_time <= ? ORDER BY create_time, id LIMIT 1`, string(NoticePending), made.UnixNano()))
	if errors.Is(err, sql.ErrNoRows) {
		return n, ErrNotFound
	}
	if err != nil {
		return n, fmt.Errorf("find overdue notice: %w", explain(err))
	}
	return n, nil
}

// NoticeArrived says that a notice was delivered. What a digest told of is held no
// longer.
func (d *DB) NoticeArrived(ctx context.Context, n Notice) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE notices SET status = ?, tries = tries + 1, reason = '', done_time = ? WHERE id = ?",
			string(NoticeDelivered), d.now().UnixNano(), n.ID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM held_findings WHERE notice_id = ?", n.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep delivery of notice: %w", err)
	}
	return nil
}

// NoticeFailed says that a try came to nothing, and when the next one may be.
func (d *DB) NoticeFailed(ctx context.Context, n Notice, reason string, next time.Time) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE notices SET tries = tries + 1, reason = ?, next_time = ? WHERE id = ?", text(reason), next.UnixNano(), n.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep try of notice: %w", err)
	}
	return nil
}

// GiveUpNotice says that a notice is tried no more: n.Tries came to nothing, the last one
// for n.Reason. What it was about is held for a digest.
func (d *DB) GiveUpNotice(ctx context.Context, n Notice) error {
	now := d.now().UnixNano()
	err := d.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE notices SET status = ?, tries = ?, reason = ?, done_time = ? WHERE id = ?",
			string(NoticeDead), n.Tries, text(n.Reason), now, n.ID); err != nil {
			return err
		}
		if n.Kind == NoticeDigest {
			return reopenHeld(ctx, tx, n.ID)
		}
		at := n.Time.UnixNano()
		return hold(ctx, tx, now, HeldRule{
			RuleID: n.RuleID, RuleName: n.RuleName, Count: 1, Undelivered: 1, Severity: n.Severity, First: moment(at), Last: moment(at),
		})
	})
	if err != nil {
		return fmt.Errorf("give up notice: %w", err)
	}
	return nil
}

// NoticeCounts is how many notices there are, and what is held for a digest.
type NoticeCounts struct {
	Pending, Delivered, Dead int64 // the latter two: of the last 30 days
	Held                     int64 // findings, those of digests that are pending too
	LastDelivery             time.Time
	LastReason               string // of the pending notice that was tried last, "" for none
}

// CountNotices counts.
func (d *DB) CountNotices(ctx context.Context) (c NoticeCounts, err error) {
	var last int64
	err = d.read.QueryRowContext(ctx, `SELECT
		(SELECT COUNT(*) FROM notices WHERE status = 'pending'), (SELECT COUNT(*) FROM notices WHERE status = 'delivered'),
		(SELECT COUNT(*) FROM notices WHERE status = 'dead'), (SELECT COALESCE(SUM(count), 0) FROM held_findings),
		(SELECT COALESCE(MAX(done_time), 0) FROM notices WHERE status = 'delivered'),
		COALESCE((SELECT reason FROM notices WHERE status = 'pending' AND tries > 0 ORDER BY next_time DESC, id LIMIT 1), '')`).
		Scan(&c.Pending, &c.Delivered, &c.Dead, &c.Held, &last, &c.LastReason)
	if err != nil {
		return c, fmt.Errorf("count notices: %w", explain(err))
	}
	if last != 0 {
		c.LastDelivery = moment(last)
	}
	return c, nil
}

// Notices returns the newest notices of a status, at most so many.
func (d *DB) Notices(ctx context.Context, s NoticeStatus, most int) ([]Notice, error) {
	all, err := list(ctx, d.read, noticeOf, "SELECT "+noticeColumns+" FROM notices WHERE status = ? ORDER BY create_time DESC, id LIMIT ?", string(s), most)
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	return all, nil
}

func deleteNotices(ctx context.Context, tx *sql.Tx, before int64) (int64, error) {
	return rows(tx.ExecContext(ctx, `DELETE FROM notices WHERE id IN
		(SELECT id FROM notices WHERE status <> 'pending' AND done_time < ? LIMIT ?)`, before, sweepRows))
}
