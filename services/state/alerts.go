package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Status is where an alert stands.
type Status string

// The life of an alert. Each status may follow each other one.
const (
	StatusNew          Status = "new"
	StatusAcknowledged Status = "acknowledged" // somebody is at it
	StatusClosed       Status = "closed"
)

func (s Status) valid() bool {
	return s == StatusNew || s == StatusAcknowledged || s == StatusClosed
}

// Bounds of what people write, in bytes.
const (
	maxName = 128
	maxNote = 4096
	// maxText bounds what an alert takes over from its finding; the finding in the
	// store has all of it.
	maxText = 2048
)

// Alert is what became of a finding.
type Alert struct {
	ID       string // of the finding
	Status   Status
	Assignee string
	Note     string // of the last change that had one
	Revision uint64 // 1, and one more with each update

	RuleID, RuleName  string
	Severity          int64  // 0 to 100
	Dataset, Source   string // of the event that completed the finding
	SourceIP, User    string
	Host, Domain      string
	Path              string
	EventIDs          []string // the events that it is about
	Time              time.Time
	Found, LastUpdate time.Time
}

// Change is one entry of the history of an alert.
type Change struct {
	Revision uint64
	Time     time.Time
	Actor    string
	Status   Status
	Assignee string
	Note     string
}

// Update says what is to change. A nil pointer leaves a field as it is.
type Update struct {
	ID       string
	Revision uint64 // that the caller has seen; 0: whatever it is
	Status   *Status
	Assignee *string
	Note     string // "" adds none
	Actor    string
}

// findings names the offset of alerts among those of other consumers.
const findings = "findings"

const alertColumns = `id, status, assignee, note, revision, rule_id, rule_name, severity, dataset, source, source_ip,
	user_name, host_name, url_domain, url_path, event_ids, event_time, found_time, update_time`

// Write makes alerts of findings, and says that the findings of all records of
// the queue before next are there. Both are one transaction. A finding that has
// an alert changes nothing, so that the same ones may come again; those of a
// call whose next is not beyond [DB.Applied] are passed over. It does not keep
// the events.
func (d *DB) Write(ctx context.Context, found []*event.Event, next uint64) error {
	if next <= d.alertsNext.Load() {
		return nil
	}
	err := d.change(ctx, func(tx *sql.Tx) error {
		if err := insertAlerts(ctx, tx, found); err != nil {
			return err
		}
		return setOffset(ctx, tx, findings, next)
	})
	if err != nil {
		return fmt.Errorf("write alerts: %w", err)
	}
	d.alertsNext.Store(next)
	return nil
}

// Applied is the offset of the queue up to which (exclusive) findings are alerts.
func (d *DB) Applied() uint64 { return d.alertsNext.Load() }

// Rewind lets findings of records from an offset on come again, as after a change
// of rules. The alerts there are stay.
func (d *DB) Rewind(ctx context.Context, next uint64) error {
	if next >= d.alertsNext.Load() {
		return nil
	}
	if err := d.change(ctx, func(tx *sql.Tx) error { return setOffset(ctx, tx, findings, next) }); err != nil {
		return fmt.Errorf("rewind alerts: %w", err)
	}
	d.alertsNext.Store(next)
	return nil
}

func (d *DB) loadApplied(ctx context.Context) error {
	var next uint64
	err := d.read.QueryRowContext(ctx, "SELECT next FROM offsets WHERE consumer = ?", findings).Scan(&next)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read offset: %w", err)
	}
	d.alertsNext.Store(next)
	return nil
}

func setOffset(ctx context.Context, tx *sql.Tx, consumer string, next uint64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO offsets (consumer, next) VALUES (?, ?)
		ON CONFLICT (consumer) DO UPDATE SET next = excluded.next`, consumer, int64(next))
	return err
}

// insertAlerts gives each new alert the next serial.
func insertAlerts(ctx context.Context, tx *sql.Tx, found []*event.Event) error {
	if len(found) == 0 {
		return nil
	}
	serial, err := lastSerial(ctx, tx)
	if err != nil {
		return err
	}
	for _, e := range found {
		n, err := insertAlert(ctx, tx, e, serial+1)
		if err != nil {
			return err
		}
		serial += n
	}
	return setOffset(ctx, tx, serials, uint64(serial))
}

// insertAlert returns how many alerts were made: one, or none if it is there.
func insertAlert(ctx context.Context, tx *sql.Tx, e *event.Event, serial int64) (int64, error) {
	ids := []string{}
	for v := range e.Values(event.FindingEventIDs) {
		ids = append(ids, text(v.Text()))
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return 0, err
	}
	of := func(k event.Key) string { return text(e.Get(k).String()) }
	return rows(tx.ExecContext(ctx, "INSERT INTO alerts ("+alertColumns+`, serial)
		VALUES (?, ?, '', '', 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		e.ID, string(StatusNew), of(event.RuleID), of(event.RuleName), e.Get(event.EventSeverity).Int(),
		of(event.FindingDataset), of(event.FindingSource), of(event.SourceIP), of(event.UserName), of(event.HostName),
		of(event.URLDomain), of(event.URLPath), string(list), e.Time, e.Received, e.Received, serial))
}

// text is a bounded text that every database takes: UTF-8 without NUL.
func text(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
		for !utf8.ValidString(s) && len(s) > maxText-utf8.UTFMax {
			s = s[:len(s)-1]
		}
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\ufffd"), "\ufffd")
}

// Alert returns an alert and its history, the oldest change first.
func (d *DB) Alert(ctx context.Context, id string) (Alert, []Change, error) {
	a, err := alertOf(d.read.QueryRowContext(ctx, "SELECT "+alertColumns+" FROM alerts WHERE id = ?", id))
	if err != nil {
		return a, nil, fmt.Errorf("read alert: %w", explain(err))
	}
	// What was changed since the alert was read is left out.
	history, err := list(ctx, d.read, changeOf, `SELECT revision, time, actor, status, assignee, note
		FROM alert_history WHERE alert_id = ? AND revision <= ? ORDER BY revision`, id, a.Revision)
	if err != nil {
		return a, nil, fmt.Errorf("read history of alert: %w", err)
	}
	return a, history, nil
}

func changeOf(r row) (Change, error) {
	var c Change
	var at int64
	err := r.Scan(&c.Revision, &at, &c.Actor, &c.Status, &c.Assignee, &c.Note)
	c.Time = moment(at)
	return c, err
}

// alertOf reads a row of alertColumns. None is ErrNotFound.
func alertOf(r row) (Alert, error) {
	var a Alert
	var ids string
	var at, found, updated int64
	err := r.Scan(&a.ID, &a.Status, &a.Assignee, &a.Note, &a.Revision, &a.RuleID, &a.RuleName, &a.Severity, &a.Dataset, &a.Source,
		&a.SourceIP, &a.User, &a.Host, &a.Domain, &a.Path, &ids, &at, &found, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("alert: %w", ErrNotFound)
	}
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal([]byte(ids), &a.EventIDs); err != nil {
		return a, fmt.Errorf("alert %s: %w", a.ID, err)
	}
	a.Time, a.Found, a.LastUpdate = time.Unix(0, at).UTC(), time.Unix(0, found).UTC(), time.Unix(0, updated).UTC()
	return a, nil
}

// UpdateAlert changes an alert and writes its history. before, if it is not nil,
// is called with the alert as it was and as it will be, and its error keeps all as
// it was; undo, if it is not nil, is called if the change then cannot be made. Both
// are called while other writes go on, those of other updates excepted: they wait
// until ctx ends. A change by another process in between is ErrConflict.
func (d *DB) UpdateAlert(ctx context.Context, u Update, before func(old, changed Alert) (undo func(error), err error)) (Alert, error) {
	a, err := d.updateAlert(ctx, u, before)
	if err != nil {
		return Alert{}, fmt.Errorf("update alert: %w", err)
	}
	return a, nil
}

func (d *DB) updateAlert(ctx context.Context, u Update, before func(old, changed Alert) (undo func(error), err error)) (Alert, error) {
	if err := u.validate(); err != nil {
		return Alert{}, err
	}
	select {
	case d.updates <- struct{}{}:
		defer func() { <-d.updates }()
	case <-ctx.Done():
		return Alert{}, ctx.Err()
	}
	old, err := alertOf(d.read.QueryRowContext(ctx, "SELECT "+alertColumns+" FROM alerts WHERE id = ?", u.ID))
	if err != nil {
		return Alert{}, explain(err)
	}
	if u.Revision != 0 && u.Revision != old.Revision {
		return Alert{}, fmt.Errorf("alert: it %w and has revision %d", ErrConflict, old.Revision)
	}
	a := u.apply(old, d.now())
	undo := func(error) {}
	if before != nil {
		f, err := before(old, a)
		if err != nil {
			return Alert{}, err
		}
		if f != nil {
			undo = f
		}
	}
	if err := d.change(ctx, func(tx *sql.Tx) error { return saveAlert(ctx, tx, a, u) }); err != nil {
		undo(err)
		return Alert{}, err
	}
	return a, nil
}

func (u *Update) validate() error {
	switch {
	case u.Status == nil && u.Assignee == nil && u.Note == "":
		return fmt.Errorf("an update without status, assignee and note %w", ErrInvalid)
	case u.Status != nil && !u.Status.valid():
		return fmt.Errorf("status %.40q %w: want new, acknowledged or closed", *u.Status, ErrInvalid)
	case u.Assignee != nil && (len(*u.Assignee) > maxName || *u.Assignee != text(*u.Assignee)):
		return fmt.Errorf("assignee %w: want at most %d bytes of text", ErrInvalid, maxName)
	case len(u.Note) > maxNote || !utf8.ValidString(u.Note) || strings.Contains(u.Note, "\x00"):
		return fmt.Errorf("note %w: want at most %d bytes of text", ErrInvalid, maxNote)
	}
	return nil
}

func (u *Update) apply(a Alert, now time.Time) Alert {
	if u.Status != nil {
		a.Status = *u.Status
	}
	if u.Assignee != nil {
		a.Assignee = *u.Assignee
	}
	if u.Note != "" {
		a.Note = u.Note
	}
	a.Revision++
	a.LastUpdate = now.UTC()
	return a
}

func saveAlert(ctx context.Context, tx *sql.Tx, a Alert, u Update) error {
	at := a.LastUpdate.UnixNano()
	n, err := rows(tx.ExecContext(ctx, "UPDATE alerts SET status = ?, assignee = ?, note = ?, revision = ?, update_time = ? WHERE id = ? AND revision = ?",
		string(a.Status), a.Assignee, a.Note, a.Revision, at, a.ID, a.Revision-1))
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("alert: it %w", ErrConflict)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO alert_history (alert_id, revision, time, actor, status, assignee, note)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, a.ID, a.Revision, at, text(u.Actor), string(a.Status), a.Assignee, u.Note)
	return err
}
