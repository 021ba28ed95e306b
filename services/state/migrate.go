package state

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var files embed.FS

// migrations are the steps from an empty database to the schema of this version.
// A step that was released is never changed; another one is added.
var migrations = mustSteps(files)

// step is one migration. The first has the number 1, each next one more.
type step struct {
	number    int
	name, sql string
}

func mustSteps(fsys fs.FS) []step {
	steps, err := readSteps(fsys)
	if err != nil {
		panic(err) // the files are part of the program
	}
	return steps
}

// readSteps reads migrations/NNNN_name.sql in order of the numbers.
func readSteps(fsys fs.FS) ([]step, error) {
	names, err := fs.Glob(fsys, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	var steps []step
	for i, name := range names {
		digits, rest, _ := strings.Cut(path.Base(name), "_")
		if n, err := strconv.Atoi(digits); err != nil || n != i+1 {
			return nil, fmt.Errorf("read migrations: %s is not number %d", name, i+1)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		steps = append(steps, step{i + 1, strings.TrimSuffix(rest, ".sql"), string(text)})
	}
	return steps, nil
}

// migrate brings the schema up to the last step, each in a transaction of its
// own, so that a crash leaves the schema of some version. There is no way back.
func (d *DB) migrate(ctx context.Context, steps []step) error {
	const table = "CREATE TABLE IF NOT EXISTS schema_steps (number BIGINT PRIMARY KEY, name TEXT NOT NULL, time BIGINT NOT NULL)"
	if err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, table)
		return err
	}); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, s := range steps {
		if err := d.change(ctx, func(tx *sql.Tx) error { return d.take(ctx, tx, s, len(steps)) }); err != nil {
			return fmt.Errorf("migrate to schema %d (%s): %w", s.number, s.name, err)
		}
	}
	return nil
}

// take does one step unless it was done: another process may have been faster.
func (d *DB) take(ctx context.Context, tx *sql.Tx, s step, last int) error {
	var done int
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(number), 0) FROM schema_steps").Scan(&done); err != nil {
		return err
	}
	if done > last {
		return fmt.Errorf("%w: it has schema %d, this version knows up to %d; use the version that wrote it, or a backup from before", ErrNewer, done, last)
	}
	if done >= s.number {
		return nil
	}
	if _, err := tx.ExecContext(ctx, s.sql); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO schema_steps (number, name, time) VALUES (?, ?, ?)", s.number, s.name, d.now().UnixNano())
	return err
}
