// Package state keeps what people and the server decide about events, and what
// they know of senders: alerts, labels, verdicts, sources, nodes and bundles of
// rules. It is an SQLite database; its SQL is what PostgreSQL understands too.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gatewatch/gatewatch/services/durable"
)

// FileName is the database in the data folder. Its write-ahead log lies beside
// it, under the same name with -wal.
const FileName = "state.db"

// Errors that callers tell apart with errors.Is.
var (
	// ErrNotFound means that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that somebody has changed the row since it was read.
	ErrConflict = errors.New("was changed by somebody else in the meantime")
	// ErrInvalid means that what was given cannot be kept.
	ErrInvalid = errors.New("is not valid")
	// ErrFull means that the disk has no room. Nothing of the call was kept.
	ErrFull = errors.New("state is full: the disk has no room")
	// ErrNewer means that a newer version of the program has written the
	// database.
	ErrNewer = errors.New("state was written by a newer version")
	// ErrDamaged means that the database cannot be read.
	ErrDamaged = errors.New("state is damaged")
)

// busyTime is how long a change waits for one of another process.
const busyTime = 10 * time.Second

// readers bounds the reads at once.
const readers = 4

// DB is the state of a data folder. All methods may be called concurrently, also
// by several processes. A change is durable when its method returns without an
// error; with one, nothing was changed.
type DB struct {
	write *sql.DB // one connection: SQLite has one writer at a time
	read  *sql.DB
	path  string
	now   func() time.Time

	alertsNext atomic.Uint64 // see [DB.Applied]
	updates    chan struct{} // holds the update of an alert under way
}

// Open opens the state of a data folder, or makes it, and brings it to the
// schema of this version. now is the clock of the rows.
func Open(ctx context.Context, dir string, now func() time.Time) (*DB, error) {
	path := filepath.Join(dir, FileName)
	if err := touch(path); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	d := &DB{path: path, now: now, updates: make(chan struct{}, 1)}
	var err error
	if d.write, err = connect(path, "_txlock=immediate", 1); err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	if d.read, err = connect(path, "_pragma=query_only(1)", readers); err != nil {
		return nil, fmt.Errorf("open state: %w", errors.Join(err, d.write.Close()))
	}
	err = d.migrate(ctx, migrations)
	if err == nil {
		err = d.loadApplied(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open state: %w", explain(err)), d.Close())
	}
	return d, nil
}

// touch makes the file if it is not there, readable by its owner alone. SQLite
// gives its other files the same mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), durable.SyncDir(filepath.Dir(path)))
}

// connect makes a pool of connections. A commit is synced before it returns
// (synchronous=FULL), and a crash leaves each transaction whole or not there.
func connect(path, more string, most int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", address(path, fmt.Sprintf(
		"_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&%s", busyTime.Milliseconds(), more)))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// address is the name of a database file as SQLite takes it.
func address(path, query string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: query}
	if !filepath.IsAbs(path) {
		u = url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: query}
	}
	return u.String()
}

// Close ends all connections. Calls under way end first.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// Backup writes a consistent copy to a file that must not exist yet, while
// others read and write. The copy is durable on return.
func (d *DB) Backup(ctx context.Context, path string) error {
	// The file comes first: SQLite would give it the mode that the umask leaves,
	// and it is to be read by nobody else at any moment.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("back up state: %w", err)
	}
	// Neither pool will do: one only reads, the other one would hold up writers.
	db, err := connect(d.path, "", 1)
	if err == nil {
		_, err = db.ExecContext(ctx, "VACUUM INTO ?", path)
		err = errors.Join(explain(err), db.Close())
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("back up state: %w", errors.Join(err, os.Remove(path)))
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("back up state: %w", err)
	}
	return nil
}

// change runs a transaction. On an error of do, or of the commit, nothing has
// changed. do must not keep the transaction.
func (d *DB) change(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the transaction is gone with its connection if this fails
		return explain(err)
	}
	return explain(tx.Commit())
}

// row is a row that can be read.
type row interface{ Scan(dst ...any) error }

// list returns the rows of a query, each read by scan.
func list[T any](ctx context.Context, db *sql.DB, scan func(row) (T, error), query string, args ...any) (all []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, explain(err)
		}
		all = append(all, item)
	}
	return all, explain(rows.Err())
}

// explain turns the codes of SQLite that have a meaning for callers into errors
// of this package.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w; put a backup of %s in its place, or move it and its -wal away to begin with none", ErrDamaged, err, FileName)
	}
	return err
}
