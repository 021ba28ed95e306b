package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
)

// stopping are files that stop at one of their operations, as a kill or a full
// disk stops it, and check the order of all before.
type stopping struct {
	hasty
	t      *testing.T
	dir    string
	at     int    // operation to stop at, from 1 on; 0 for none
	how    string // before, half or after it; once: it fails with a full disk, later ones do not
	mu     sync.Mutex
	n      int
	synced map[string]bool // files whose write has returned
}

var errStopped = errors.New("stopped")

// next counts an operation and returns what becomes of it.
func (f *stopping) next() (before, half, after error) {
	f.n++
	switch {
	case f.at == 0 || f.n < f.at || f.how == "once" && f.n > f.at:
	case f.how == "once":
		return nil, syscall.ENOSPC, nil
	case f.n > f.at || f.how == "before":
		return errStopped, nil, nil
	case f.how == "half":
		return nil, errStopped, nil
	default:
		return nil, nil, errStopped
	}
	return nil, nil, nil
}

func (f *stopping) write(path string, fill func(*os.File) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, half, after := f.next()
	if before != nil {
		return before
	}
	err := f.hasty.write(path, func(file *os.File) error { return errors.Join(fill(file), half) })
	if err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			_ = os.Remove(path + durable.Unfinished) // as durable.Write does
		}
		return err
	}
	f.synced[path] = true
	if filepath.Base(path) == ManifestName {
		for _, name := range f.named() {
			if !f.synced[filepath.Join(f.dir, name)] {
				f.t.Errorf("the manifest names %s before that is durable", name)
			}
		}
	}
	return after
}

func (f *stopping) remove(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, half, after := f.next()
	if err := errors.Join(before, half); err != nil {
		return err
	}
	if slices.Contains(f.named(), filepath.Base(path)) {
		f.t.Errorf("%s is removed while the manifest names it", filepath.Base(path))
	}
	return errors.Join(f.hasty.remove(path), after)
}

func (f *stopping) aside(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, half, after := f.next()
	if err := errors.Join(before, half); err != nil {
		return err
	}
	if slices.Contains(f.named(), filepath.Base(path)) {
		f.t.Errorf("%s is moved away while the manifest names it", filepath.Base(path))
	}
	return errors.Join(f.hasty.aside(path), after)
}

// named returns the segments of the manifest on disk.
func (f *stopping) named() []string {
	raw, err := os.ReadFile(filepath.Join(f.dir, ManifestName))
	if err != nil {
		return nil
	}
	names, _, err := ParseManifest(raw)
	if err != nil {
		f.t.Error(err)
	}
	return names
}

// life is what happens to a store, step by step; now is its clock.
type life struct {
	steps []func(s *Columnar) error
	now   time.Time
	cfg   Config
}

// crashLife writes, flushes, merges, deletes and compacts in three streams.
func crashLife() *life {
	l := &life{now: testTime}
	l.cfg = Config{
		Streams: []StreamConfig{threeStreams[0], {Name: "web", Filter: threeStreams[1].Filter, MaxAge: 150 * time.Minute}},
		Now:     func() time.Time { return l.now }, FlushRows: 1 << 20, RetainAge: -1,
	}
	for i := range 6 {
		l.steps = append(l.steps, func(s *Columnar) error {
			from := uint64(1 + 40*i)
			b := Batch{Events: mixed(int(from), int(from)+40), First: from, Next: from + 40}
			if err := s.Write(context.Background(), b); err != nil {
				return err
			}
			s.mu.Lock()
			if len(s.head.marks) == 0 && s.head.rows > 0 {
				s.head.mark()
			}
			s.mu.Unlock()
			if err := s.flushAll(); err != nil {
				return err
			}
			l.now = testTime.Add(time.Duration(i+1) * time.Hour)
			return nil
		})
		if i == 3 || i == 5 {
			l.steps = append(l.steps,
				func(s *Columnar) error { _, err := s.mergeRun(context.Background(), anyRun); return err },
				func(s *Columnar) error { return s.retain() })
		}
	}
	return l
}

// anyRun merges whatever may be merged.
func anyRun(segments []*segmentFile) []*segmentFile {
	return compactable(segments, func(string) (int64, int64) { return 1 << 30, int64(2 * time.Hour) })
}

// run lives until a step fails, or to the end; a step that fails once for want of
// space is tried again.
func (l *life) run(t *testing.T, f *stopping) error {
	t.Helper()
	cfg := l.cfg
	cfg.files = f
	s, err := openLocked(f.dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.closeSegments()
		s.lock.Close()
	}()
	for _, step := range l.steps {
		err := step(s)
		if errors.Is(err, syscall.ENOSPC) {
			err = step(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish opens what a crash has left, replays the queue, applies retention, and
// returns what is there.
func (l *life) finish(t *testing.T, dir string) []string {
	t.Helper()
	cfg := l.cfg
	end := testTime.Add(6 * time.Hour)
	cfg.Now, cfg.files = func() time.Time { return end }, hasty{}
	s, err := openLocked(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.closeSegments()
		s.lock.Close()
	}()
	at := int(max(1, s.Applied()))
	before, _ := ids(t, s, "not gatewatch.stream: web")
	if len(before) != (at-1)*3/4 {
		t.Fatalf("%d events are stored below offset %d, want %d", len(before), at, (at-1)*3/4)
	}
	if at < 241 {
		putMixed(t, s, at, 241)
	}
	if _, err := s.Verify(t.Context(), func(d Damage) { t.Errorf("damage: %+v", d) }, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := orphans(dir, s.segments); err != nil || len(left) > 0 {
		t.Errorf("files %v are left, %v", left, err)
	}
	got, stats := ids(t, s, "not gatewatch.stream: web")
	if len(stats.Partial) > 0 {
		t.Errorf("partial: %v", stats.Partial)
	}
	return got
}

// TestStopAnywhere stops a store before, in the middle of and behind each of its
// operations on files, and lets each fail once: nothing is lost, nothing is there
// twice, and no file is left.
func TestStopAnywhere(t *testing.T) {
	files := func(at int, how string) *stopping {
		return &stopping{t: t, dir: t.TempDir(), at: at, how: how, synced: map[string]bool{}}
	}
	whole := files(0, "")
	l := crashLife()
	if err := l.run(t, whole); err != nil {
		t.Fatal(err)
	}
	want := l.finish(t, whole.dir)
	if len(want) != 180 || whole.n < 30 {
		t.Fatalf("%d events after %d operations", len(want), whole.n)
	}
	for at := 1; at <= whole.n; at++ {
		for _, how := range []string{"before", "half", "after", "once"} {
			f := files(at, how)
			l := crashLife()
			if err := l.run(t, f); err != nil && !errors.Is(err, errStopped) {
				t.Fatalf("operation %d, %s: %v", at, how, err)
			}
			if got := l.finish(t, f.dir); !slices.Equal(got, want) {
				t.Fatalf("operation %d, %s: %d events, want %d", at, how, len(got), len(want))
			}
		}
	}
}

// TestStopWhileMending stops the repair of a segment at each of its operations:
// the next start repairs it.
func TestStopWhileMending(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	names, err := segmentIDs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, segmentName(names[5])), 90); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1}
	stops := 0
	for at := 1; ; at++ {
		done := false
		for _, how := range []string{"before", "half", "after"} {
			f := &stopping{t: t, dir: crashed(t, dir), at: at, how: how, synced: map[string]bool{}}
			for _, id := range names {
				f.synced[filepath.Join(f.dir, segmentName(id))] = true
			}
			stopped := cfg
			stopped.files = f
			s, err := openLocked(f.dir, stopped)
			if err != nil {
				t.Fatal(err)
			}
			bad := s.nextFaulty(nil)
			_, err = s.mend(t.Context(), bad, again(1))
			bad.release()
			s.closeSegments()
			s.lock.Close()
			done = done || f.n < at
			if err != nil && !errors.Is(err, errStopped) {
				t.Fatal(err)
			}
			s = mustOpen(t, f.dir, cfg)
			if s.Damaged() > 0 && !mendUntil(t, s, again(1)) {
				t.Fatalf("operation %d, %s: not mended", at, how)
			}
			wantIDs(t, s, "*", 1, 401)
			s.Close()
			stops++
		}
		if done {
			break
		}
	}
	if stops < 9 {
		t.Error(fmt.Sprint("only ", stops, " stops"))
	}
}
