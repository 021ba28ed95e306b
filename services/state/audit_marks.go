package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// AuditMark is where the audit log of the data folder stood at some moment.
type AuditMark struct {
	Origin string // name of the log
	Size   int64  // leaves
	Root   string // of their tree, in base64
	Time   time.Time
	Lost   time.Time // when the log was found not to go on from there; zero while it does
}

// PutAuditMark keeps where the log stands, if that is farther than what is kept.
func (d *DB) PutAuditMark(ctx context.Context, m AuditMark) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO audit_marks (origin, lost_time, size, root, time) VALUES (?, 0, ?, ?, ?)
			ON CONFLICT (origin, lost_time) DO UPDATE SET size = excluded.size, root = excluded.root, time = excluded.time
			WHERE excluded.size > audit_marks.size`, m.Origin, m.Size, m.Root, d.now().UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("put mark of audit log: %w", err)
	}
	return nil
}

// LoseAuditMark says that the log does not go on from the mark of an origin. The
// mark stays for whoever looks into it.
func (d *DB) LoseAuditMark(ctx context.Context, origin string) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE audit_marks SET lost_time = ? WHERE origin = ? AND lost_time = 0", d.now().UnixNano(), origin)
		return err
	})
	if err != nil {
		return fmt.Errorf("lose mark of audit log: %w", err)
	}
	return nil
}

const auditMarks = "SELECT origin, size, root, time, lost_time FROM audit_marks ORDER BY time, origin"

// AuditMarks returns the marks, the oldest first.
func (d *DB) AuditMarks(ctx context.Context) ([]AuditMark, error) {
	all, err := list(ctx, d.read, auditMarkOf, auditMarks)
	if err != nil {
		return nil, fmt.Errorf("list marks of audit log: %w", err)
	}
	return all, nil
}

func auditMarkOf(r row) (AuditMark, error) {
	var m AuditMark
	var at, lost int64
	err := r.Scan(&m.Origin, &m.Size, &m.Root, &at, &lost)
	m.Time, m.Lost = moment(at), moment(lost)
	return m, err
}

// ReadAuditMarks returns the marks in a data folder, none if it has no state. It
// changes nothing there, and needs no server.
func ReadAuditMarks(ctx context.Context, dir string) ([]AuditMark, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	all, err := readAuditMarks(ctx, path, "mode=ro")
	if err != nil {
		// On a medium that cannot be written SQLite needs to be told so. Then it
		// does not read the write-ahead log, whose marks are only newer ones.
		var second error
		if all, second = readAuditMarks(ctx, path, "mode=ro&immutable=1"); second == nil {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read marks of audit log: %w", explain(err))
	}
	return all, nil
}

func readAuditMarks(ctx context.Context, path, how string) (all []AuditMark, err error) {
	db, err := sql.Open("sqlite", address(path, fmt.Sprintf("_pragma=busy_timeout(%d)&%s", busyTime.Milliseconds(), how)))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var known int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'audit_marks'").Scan(&known); err != nil || known == 0 {
		return nil, err // an older version wrote it
	}
	return list(ctx, db, auditMarkOf, auditMarks)
}
