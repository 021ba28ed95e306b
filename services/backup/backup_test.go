package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// server is the parts of a server whose data folder is copied.
type server struct {
	dir   string
	store *store.Columnar
	queue *queue.Disk
	line  *pipeline.Pipeline
	stop  func()
	sent  int
}

func start(t *testing.T, dir string) *server {
	t.Helper()
	s := &server{dir: dir}
	var err error
	if s.store, err = store.Open(filepath.Join(dir, "store"), store.Config{MinFreeBytes: 1, FlushRows: 50, RetainAge: -1}); err != nil {
		t.Fatal(err)
	}
	cfg := queue.Config{MinFreeBytes: 1, SegmentBytes: 64 << 10, RetainAge: -1, Consumers: []string{pipeline.Consumer}, Floor: queue.Offset(s.store.Applied())}
	if s.queue, err = queue.Open(filepath.Join(dir, "queue"), cfg, nil, nil); err != nil {
		t.Fatal(err)
	}
	s.line, err = pipeline.New(pipeline.Config{}, pipeline.Options{
		Queue: s.queue, Store: s.store, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.line.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	s.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := errors.Join(s.store.Close(), s.queue.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// send appends records and returns when they are acknowledged.
func (s *server) send(t *testing.T, n int) {
	t.Helper()
	g := queue.Group{Source: "s", Format: "json", Epoch: queue.Epoch{7}}
	for range n {
		s.sent++
		g.Records = append(g.Records, queue.Record{Seq: uint64(s.sent), Received: int64(s.sent), Raw: fmt.Appendf(nil, `{"n":%d,"message":"%s"}`, s.sent, strings.Repeat("x", 200))})
	}
	if _, err := s.queue.Append(t.Context(), []queue.Group{g}); err != nil {
		t.Fatal(err)
	}
}

// numbers returns the events that are stored once the queue is empty.
func (s *server) numbers(t *testing.T) map[int64]int {
	t.Helper()
	_, next := s.queue.Bounds()
	if err := s.line.Wait(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	q, err := query.Parse("*", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	all := map[int64]int{}
	_, err = s.store.Search(t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
		all[e.Get(event.Intern("n")).Int()]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func mustCreate(t *testing.T, data, target string, o Options) Created {
	t.Helper()
	c, err := Create(t.Context(), data, target, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBackupOfARunningServer makes backup after backup while records come in. A
// server that starts from one has all that was acknowledged before, once.
func TestBackupOfARunningServer(t *testing.T) {
	s := start(t, t.TempDir())
	if err := os.WriteFile(filepath.Join(s.dir, "tokens.json"), []byte("tokens"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"listen.json", "tokens.lock", "half.new"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := state.Open(t.Context(), s.dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	target := filepath.Join(t.TempDir(), "backup")
	for round := range 4 {
		s.send(t, 500)
		acknowledged := s.sent
		ctx, cancel := context.WithCancel(t.Context())
		var sending sync.WaitGroup
		sending.Go(func() {
			for ctx.Err() == nil && s.sent < 100_000 {
				s.send(t, 20)
			}
		})
		c := mustCreate(t, s.dir, target, Options{Link: round%2 == 1, Version: "v"})
		cancel()
		sending.Wait()

		data := filepath.Join(t.TempDir(), "restored")
		if _, err := Restore(t.Context(), target, data, nil); err != nil {
			t.Fatal(err)
		}
		if err := Check(data); err != nil {
			t.Fatal(err)
		}
		r := start(t, data)
		if r.store.Applied() != c.Index.Applied {
			t.Errorf("applied %d, the index says %d", r.store.Applied(), c.Index.Applied)
		}
		got := r.numbers(t)
		for n := 1; n <= acknowledged; n++ {
			if got[int64(n)] != 1 {
				t.Fatalf("round %d: event %d of %d is there %d times", round, n, acknowledged, got[int64(n)])
			}
		}
		for n, times := range got {
			if times != 1 {
				t.Fatalf("round %d: event %d is there %d times", round, n, times)
			}
		}
		r.send(t, 1)
		r.stop()
		for _, name := range []string{"listen.json", "tokens.lock", "half.new"} {
			if _, err := os.Stat(filepath.Join(data, name)); err == nil {
				t.Errorf("%s is in the backup", name)
			}
		}
		copied, err := state.Open(t.Context(), data, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		copied.Close()
	}
	s.stop()
	if c := mustCreate(t, s.dir, target, Options{}); c.Copied > c.Index.Bytes() {
		t.Errorf("%d bytes copied, of %d", c.Copied, c.Index.Bytes())
	}
	c := mustCreate(t, s.dir, target, Options{})
	store := int64(0)
	for _, f := range c.Index.Files {
		if strings.HasSuffix(f.Path, ".gwseg") {
			store += f.Size
		}
	}
	if c.Copied > c.Index.Bytes()-store {
		t.Errorf("%d bytes are copied again, segments are %d of %d", c.Copied, store, c.Index.Bytes())
	}
}

// content returns the files below a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// still is a data folder in which nothing runs.
func still(t *testing.T, round string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"rules/a": "same", "rules/b/c": "b " + round, "tokens.json": "t " + round, "queue/1.seg": "q " + round, round: "only here"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestKilledBackup stops a backup before each of its changes: the one before it
// can be restored, or the new one, and the next run makes it whole.
func TestKilledBackup(t *testing.T) {
	first, second := still(t, "first"), still(t, "second")
	killed := errors.New("killed")
	stops := 0
	for at := 1; ; at++ {
		target := t.TempDir()
		mustCreate(t, first, target, Options{})
		n := 0
		_, err := Create(t.Context(), second, target, Options{step: func(string) error {
			if n++; n >= at {
				return killed
			}
			return nil
		}})
		want := []map[string]string{content(t, first), content(t, second)}
		data := filepath.Join(t.TempDir(), "data")
		if _, err := Restore(t.Context(), target, data, nil); err != nil {
			t.Fatalf("stopped before change %d: %v", at, err)
		}
		got := content(t, data)
		if !maps.Equal(got, want[0]) && !maps.Equal(got, want[1]) {
			t.Fatalf("stopped before change %d: %s", at, cmp.Diff(want[0], got))
		}
		if err == nil {
			if !maps.Equal(got, want[1]) {
				t.Error(cmp.Diff(want[1], got))
			}
			break
		}
		if !errors.Is(err, killed) {
			t.Fatal(err)
		}
		stops++
		c := mustCreate(t, second, target, Options{})
		entries, err := os.ReadDir(filepath.Join(target, objectsName))
		if err != nil || len(entries) != len(c.Index.Files) {
			t.Errorf("stopped before change %d: %d contents of %d files are left", at, len(entries), len(c.Index.Files))
		}
	}
	if stops < 6 {
		t.Errorf("the backup was stopped only %d times", stops)
	}
}

// TestRestoreRefuses: a folder that holds something, a backup with a flipped bit
// or a missing part; and leaves nothing behind.
func TestRestoreRefuses(t *testing.T) {
	target := t.TempDir()
	c := mustCreate(t, still(t, "x"), target, Options{})
	data := t.TempDir()
	keep := filepath.Join(data, "keep")
	if err := os.WriteFile(keep, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), target, data, nil); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("restore to a folder with something: %v", err)
	}
	if err := os.Remove(keep); err != nil {
		t.Fatal(err)
	}
	f := func(name string) {
		t.Helper()
		path := filepath.Join(target, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw := slices.Clone(whole)
		raw[len(raw)/2] ^= 4
		for _, change := range []func() error{
			func() error { return os.WriteFile(path, raw, 0o600) },
			func() error { return os.WriteFile(path, whole[:len(whole)-1], 0o600) },
			func() error { return os.Remove(path) },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if _, err := Restore(t.Context(), target, data, nil); err == nil {
				t.Errorf("%s is damaged, and restored", name)
			}
			if left := content(t, data); len(left) > 0 {
				t.Errorf("%v is left of a restore that failed", left)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f(indexName)
	for _, x := range c.Index.Files {
		f(objectsName + "/" + x.SHA256)
	}
	if _, err := Restore(t.Context(), target, data, nil); err != nil {
		t.Error(err)
	}
}

// TestKilledRestore leaves a folder that no server takes, and that a second
// restore makes whole.
func TestKilledRestore(t *testing.T) {
	source := still(t, "x")
	target := t.TempDir()
	mustCreate(t, source, target, Options{})
	data := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	half := errors.New("half")
	func() {
		defer func() {
			if r := recover(); r != half { //nolint:errorlint // it is the value itself
				t.Fatal(r)
			}
		}()
		_, _ = Restore(ctx, target, data, func(int64) { panic(half) }) // as a kill does, it undoes nothing
	}()
	cancel()
	if err := Check(data); !errors.Is(err, ErrIncomplete) {
		t.Errorf("check of a half restored folder: %v", err)
	}
	if _, err := Restore(t.Context(), target, data, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(content(t, source), content(t, data)); diff != "" {
		t.Error(diff)
	}
	if err := Check(data); err != nil {
		t.Error(err)
	}
}

func TestBackupMistakes(t *testing.T) {
	data := still(t, "x")
	f := func(from, to string) {
		t.Helper()
		if _, err := Create(t.Context(), from, to, Options{}); err == nil {
			t.Errorf("backup of %s to %s", from, to)
		}
	}
	f(data, filepath.Join(data, "backup"))
	f(data, data)
	f(filepath.Join(data, "missing"), t.TempDir())
	if _, err := Open(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open of a folder without a backup: %v", err)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"files":[{"path":"a/b","sha256":"` + strings.Repeat("0", 64) + `"}]}`))
	f.Add([]byte(`{"files":[{"path":"../b","sha256":"` + strings.Repeat("0", 64) + `"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		x, err := parseIndex(append([]byte(indexHead(body)+"\n"), body...))
		if err != nil {
			return
		}
		for _, file := range x.Files {
			if !filepath.IsLocal(file.Path) || file.Path == "." || file.Path == incomplete || len(file.SHA256) != 64 {
				t.Errorf("%+v is taken", file)
			}
		}
	})
}
