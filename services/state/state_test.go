package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return began }

func open(t *testing.T, dir string) *DB {
	t.Helper()
	d, err := Open(t.Context(), dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// finding makes the event of a finding.
func finding(id string, n int) *event.Event {
	e := &event.Event{ID: id, Source: "gatewatch", Dataset: "gatewatch.finding"}
	e.Time, e.Received = began.Add(time.Duration(n)*time.Second).UnixNano(), began.Add(time.Duration(n)*time.Minute).UnixNano()
	e.AddText(event.RuleID, "r-1")
	e.AddText(event.RuleName, "Many refused sign-ins")
	e.AddInt(event.EventSeverity, 70)
	e.AddText(event.FindingDataset, "nginx.access")
	e.AddText(event.FindingSource, "edge-1")
	e.AddIP(event.SourceIP, "203.0.113.9")
	e.AddText(event.URLPath, "/login\x00\xff")
	e.AddText(event.FindingEventIDs, "e-1")
	e.AddText(event.FindingEventIDs, "e-2")
	return e
}

func ids(t *testing.T, d *DB, after Place) []string {
	t.Helper()
	all := []string{}
	if err := d.Alerts(t.Context(), after, func(a Alert) bool {
		all = append(all, a.ID)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOpenPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?%41#c")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	if err := d.Write(t.Context(), []*event.Event{finding("a", 1)}, 2); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*", FileName+"*"))
	if err != nil || len(names) != 3 {
		t.Fatalf("files %v, %v", names, err)
	}
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		if err := d.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q; %v", pragma, got, want, err)
		}
	}
}

func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	more := append(migrations[:len(migrations):len(migrations)],
		step{len(migrations) + 1, "bad", "CREATE TABLE later (n BIGINT); INSERT INTO nowhere VALUES (1)"})
	if err := d.migrate(t.Context(), more); err == nil {
		t.Fatal("a step that fails passed")
	}
	if _, err := d.read.ExecContext(t.Context(), "SELECT * FROM later"); err == nil {
		t.Error("a step that failed has left something")
	}
	more[len(migrations)].sql = "CREATE TABLE later (n BIGINT)"
	for range 2 {
		if err := d.migrate(t.Context(), more); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(t.Context(), dir, clock); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), fmt.Sprintf("schema %d", len(more))) {
		t.Errorf("a newer database: %v", err)
	}
}

func TestReadSteps(t *testing.T) {
	f := func(names ...string) {
		t.Helper()
		fsys := fstest.MapFS{}
		for _, n := range names {
			fsys["migrations/"+n] = &fstest.MapFile{}
		}
		if _, err := readSteps(fsys); err == nil {
			t.Errorf("%q are taken", names)
		}
	}
	f("0002_a.sql")
	f("0001_a.sql", "0001_b.sql")
	f("0001_a.sql", "0003_b.sql")
	f("one.sql")
}

func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, clock); !errors.Is(err, ErrDamaged) {
		t.Errorf("open: %v", err)
	}
}

func TestWriteAlerts(t *testing.T) {
	d := open(t, t.TempDir())
	write := func(next uint64, names ...string) {
		t.Helper()
		var found []*event.Event
		for i, n := range names {
			found = append(found, finding(n, i))
		}
		if err := d.Write(t.Context(), found, next); err != nil {
			t.Fatal(err)
		}
	}
	write(10, "a", "b")
	write(10, "passed over")
	write(12, "b", "c") // b again: cut otherwise after a restart
	if diff := cmp.Diff([]string{"c", "b", "a"}, ids(t, d, Place{})); diff != "" {
		t.Error(diff)
	}
	if d.Applied() != 12 {
		t.Errorf("applied %d", d.Applied())
	}
	got, history, err := d.Alert(t.Context(), "b")
	if err != nil || history != nil {
		t.Fatal(history, err)
	}
	want := Alert{
		ID: "b", Status: StatusNew, Revision: 1, RuleID: "r-1", RuleName: "Many refused sign-ins", Severity: 70,
		Dataset: "nginx.access", Source: "edge-1", SourceIP: "203.0.113.9", Path: "/login\ufffd\ufffd", EventIDs: []string{"e-1", "e-2"},
		Time: began.Add(time.Second), Found: began.Add(time.Minute), LastUpdate: began.Add(time.Minute),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := d.Rewind(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	write(11, "a", "new")
	if diff := cmp.Diff([]string{"new", "c", "b", "a"}, ids(t, d, Place{})); diff != "" {
		t.Error(diff)
	}
	if _, _, err := d.Alert(t.Context(), "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown alert: %v", err)
	}
}

// TestPages: each alert is on one page, also where many were found at one time.
func TestPages(t *testing.T) {
	d := open(t, t.TempDir())
	var found []*event.Event
	for i := range 2*batch + 7 {
		found = append(found, finding(fmt.Sprintf("%05d", i), i/300))
	}
	if err := d.Write(t.Context(), found, 2); err != nil {
		t.Fatal(err)
	}
	all := ids(t, d, Place{})
	var paged []string
	for after, last := (Place{}), -1; len(paged) != last; {
		last = len(paged)
		n := 0
		if err := d.Alerts(t.Context(), after, func(a Alert) bool {
			paged, after = append(paged, a.ID), Place{a.Found, a.ID}
			n++
			return n < 100
		}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(all, paged); diff != "" || len(all) != len(found) {
		t.Errorf("%d of %d alerts; %s", len(all), len(found), diff)
	}
}

func TestUpdateAlert(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Write(t.Context(), []*event.Event{finding("a", 1)}, 2); err != nil {
		t.Fatal(err)
	}
	ack, ann := StatusAcknowledged, "ann"
	a, err := d.UpdateAlert(t.Context(), Update{ID: "a", Status: &ack, Assignee: &ann, Note: "looking", Actor: "ann"}, func(old, changed Alert) (func(error), error) {
		if old.Status != StatusNew || changed.Status != StatusAcknowledged {
			t.Errorf("before: %s, %s", old.Status, changed.Status)
		}
		return nil, nil
	})
	if err != nil || a.Revision != 2 {
		t.Fatal(a, err)
	}
	f := func(u Update, before func(Alert, Alert) (func(error), error), want error) {
		t.Helper()
		if _, err := d.UpdateAlert(t.Context(), u, before); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	audit, closed, wrong, long := errors.New("audit"), StatusClosed, Status("done"), strings.Repeat("n", maxName+1)
	f(Update{ID: "a", Status: &closed, Revision: 1}, nil, ErrConflict)
	f(Update{ID: "b", Status: &closed}, nil, ErrNotFound)
	f(Update{ID: "a"}, nil, ErrInvalid)
	f(Update{ID: "a", Status: &wrong}, nil, ErrInvalid)
	f(Update{ID: "a", Assignee: &long}, nil, ErrInvalid)
	f(Update{ID: "a", Note: strings.Repeat("n", maxNote+1)}, nil, ErrInvalid)
	f(Update{ID: "a", Status: &closed}, func(Alert, Alert) (func(error), error) { return nil, audit }, audit)
	// While an update waits for its leaf others write, and one that comes between is
	// not lost.
	var undone error
	f(Update{ID: "a", Status: &closed}, func(Alert, Alert) (func(error), error) {
		if err := d.change(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE alerts SET revision = revision + 1")
			return err
		}); err != nil {
			t.Error(err)
		}
		return func(err error) { undone = err }, nil
	}, ErrConflict)
	if !errors.Is(undone, ErrConflict) {
		t.Errorf("undone: %v", undone)
	}
	if err := d.change(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "UPDATE alerts SET revision = 2")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	f(Update{ID: "a", Status: &closed, Revision: 2, Actor: "bo"}, nil, nil)
	got, history, err := d.Alert(t.Context(), "a")
	if err != nil || got.Status != StatusClosed || got.Note != "looking" || got.Assignee != "ann" {
		t.Error(got, err)
	}
	want := []Change{
		{Revision: 2, Time: began, Actor: "ann", Status: StatusAcknowledged, Assignee: "ann", Note: "looking"},
		{Revision: 3, Time: began, Actor: "bo", Status: StatusClosed, Assignee: "ann"},
	}
	if diff := cmp.Diff(want, history); diff != "" {
		t.Error(diff)
	}
}

func TestVerdicts(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	v := Verdict{Source: "waf-1", EventID: "e", Revision: 1, Kind: "suspect", Model: "m", PAttack: 0.25, PMissed: 0.2, Time: began}
	for _, revision := range []uint64{1, 3, 2} {
		v.Revision, v.PAttack = revision, float64(revision)/4
		if err := d.PutLate(ctx, Late{Verdicts: []Verdict{v}}); err != nil {
			t.Fatal(err)
		}
	}
	v.Revision, v.PAttack = 3, 0.75
	got, err := d.Verdict(ctx, "waf-1", "e")
	if diff := cmp.Diff(v, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := d.Verdict(ctx, "waf-2", "e"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestSenders(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	s := Source{Name: "edge-1", Formats: []string{"nginx.access"}, First: began}
	n := Node{Name: "waf-1", Version: "1", Sites: []string{"shop"}, First: began, Seen: began}
	for i := range 2 {
		s.Received, n.Version = began.Add(time.Duration(i)*time.Hour), n.Version+"0"
		if err := errors.Join(d.PutSources(ctx, []Source{s}), d.PutNodes(ctx, []Node{n})); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := d.Sources(ctx)
	if diff := cmp.Diff([]Source{s}, sources); diff != "" || err != nil {
		t.Error(diff, err)
	}
	nodes, err := d.Nodes(ctx)
	if diff := cmp.Diff([]Node{n}, nodes); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestBundles(t *testing.T) {
	d, ctx := open(t, t.TempDir()), t.Context()
	sum, err := d.PutBundle(ctx, "waf", []byte("rules"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.PutBundle(ctx, "other", []byte("rules")); again != sum || err != nil {
		t.Error(again, err)
	}
	if kind, content, err := d.Bundle(ctx, sum); kind != "waf" || string(content) != "rules" || err != nil {
		t.Errorf("%q %q %v", kind, content, err)
	}
	if _, _, err := d.Bundle(ctx, "00"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE bundles SET content = 'other'")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Bundle(ctx, sum); !errors.Is(err, ErrDamaged) {
		t.Errorf("altered content: %v", err)
	}
}

// TestBackup: a copy made while alerts are written is one moment of them.
func TestBackup(t *testing.T) {
	d := open(t, t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		var err error
		for next := uint64(2); ctx.Err() == nil && err == nil; next++ {
			err = d.Write(t.Context(), []*event.Event{finding(fmt.Sprint("x", next), 1), finding(fmt.Sprint("y", next), 1)}, next)
		}
		done <- err
	}()
	dir := t.TempDir()
	err := d.Backup(t.Context(), filepath.Join(dir, FileName))
	stop()
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	copied := open(t, dir)
	want := 0
	if next := copied.Applied(); next > 0 {
		want = 2 * int(next-1)
	}
	if n := len(ids(t, copied, Place{})); n != want {
		t.Errorf("%d alerts up to offset %d", n, copied.Applied())
	}
	if err := d.Backup(t.Context(), filepath.Join(dir, FileName)); err == nil {
		t.Error("a backup over a file passed")
	}
}

// TestBackupPrivate: nobody else can read a copy, also while it is made, and one
// that fails leaves no file.
func TestBackupPrivate(t *testing.T) {
	d := open(t, t.TempDir())
	dir := t.TempDir()
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(dir, FileName)
	if err := d.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Backup(ctx, path+"2"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}
