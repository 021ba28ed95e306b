package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// rebuilt opens a copy of a store whose manifest is damaged, beside a queue that
// holds records from oldest on; 0: it is not known.
func rebuilt(t *testing.T, dir string, oldest uint64) *Columnar {
	t.Helper()
	to := crashed(t, dir)
	if err := os.WriteFile(filepath.Join(to, manifestName), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1, files: hasty{}}
	if oldest > 0 {
		cfg.Replays = func(first, next uint64) bool { return oldest <= first && next <= 501 }
	}
	return mustOpen(t, to, cfg)
}

// replay writes what a queue holds to a store, and returns how many events there
// are then, each once.
func replay(t *testing.T, s *Columnar, oldest uint64) int {
	t.Helper()
	if at := max(s.Applied(), oldest, 1); at < 501 {
		putMixed(t, s, int(at), 501)
	}
	all, _ := ids(t, s, "*")
	once := map[string]bool{}
	for _, id := range all {
		if once[id] {
			t.Errorf("event %s is there twice", id)
		}
		once[id] = true
	}
	return len(all)
}

// allSegments counts the segments of a store's folder, with those aside.
func allSegments(t *testing.T, dir string) int {
	t.Helper()
	here, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	aside, err := filepath.Glob(filepath.Join(dir, QuarantineName, "*"+segmentSuffix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(here) + len(aside)
}

// TestRebuiltManifestLeavesAHalfFlush: a flush that was cut short and a damaged
// manifest together lose nothing that the queue has. What looks so because
// retention deleted a part stays where the queue has forgotten its records.
func TestRebuiltManifestLeavesAHalfFlush(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	f := func(oldest, applied uint64, events int) {
		t.Helper()
		s := rebuilt(t, dir, oldest)
		files := allSegments(t, dir)
		if got := s.Applied(); got != applied {
			t.Errorf("applied %d, want %d", got, applied)
		}
		if got := replay(t, s, oldest); got != events {
			t.Errorf("%d events, want %d", got, events)
		}
		if got := allSegments(t, s.dir); got != files {
			t.Errorf("%d files of %d are left", got, files)
		}
	}
	f(1, 401, 500)
	f(0, 401, 500)
	if err := os.Remove(filepath.Join(dir, segmentName(12))); err != nil {
		t.Fatal(err)
	}
	f(1, 301, 500)
	f(301, 301, 500)
	f(302, 401, 450)
	f(0, 401, 450)
}

// TestRebuiltManifestKeepsWhatCannotBeOpened: no file goes because it could not be
// read when the manifest was made anew, and the queue gives back what it has.
func TestRebuiltManifestKeepsWhatCannotBeOpened(t *testing.T) {
	f := func(id uint64, oldest uint64, least int) {
		t.Helper()
		dir := t.TempDir()
		inStreams(t, dir)
		if err := os.Truncate(filepath.Join(dir, segmentName(id)), 70); err != nil {
			t.Fatal(err)
		}
		s := rebuilt(t, dir, oldest)
		if got := replay(t, s, oldest); got < least {
			t.Errorf("segment %d: %d events, want %d", id, got, least)
		}
		if _, partial := everything(t, s); !partial || s.Damaged() != 1 {
			t.Errorf("segment %d: partial %v, %d damaged", id, partial, s.Damaged())
		}
		if got := allSegments(t, s.dir); got != 12 {
			t.Errorf("segment %d: %d files of 12 are left", id, got)
		}
		s.Close()
		cfg := s.cfg
		s = mustOpen(t, s.dir, cfg) // with a manifest
		if got := replay(t, s, oldest); got < least || s.Damaged() != 1 {
			t.Errorf("segment %d: %d events after a start, want %d; %d damaged", id, got, least, s.Damaged())
		}
		// Who takes the file away has taken note.
		if err := os.Remove(filepath.Join(s.dir, segmentName(id))); err != nil {
			t.Fatal(err)
		}
		if !mendUntil(t, s, again(1)) {
			t.Error("the store does not forget a file that is gone")
		}
	}
	for id := range uint64(12) {
		f(id+1, 1, 500)
	}
	f(2, 201, 450)
	f(12, 350, 450)
	f(12, 0, 450)
}

// TestUnreadSegmentComesBack: what could only not be opened when the manifest was
// made anew is part of the store again once it can, unless the queue gave it back.
func TestUnreadSegmentComesBack(t *testing.T) {
	f := func(id, oldest uint64, back bool) {
		t.Helper()
		dir := t.TempDir()
		inStreams(t, dir)
		path := filepath.Join(dir, segmentName(id))
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil { // it opens, and reading fails
			t.Fatal(err)
		}
		s := rebuilt(t, dir, oldest)
		if n := s.Damaged(); n != 1 {
			t.Fatalf("%d segments are damaged", n)
		}
		bad := s.nextFaulty()
		defer bad.release()
		if _, err := s.mend(t.Context(), bad, again(1)); err == nil {
			t.Error("what cannot be read is mended")
		}
		if err := os.Remove(bad.path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(bad.path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := replay(t, s, max(1, oldest)); back && got != 475 && got != 450 || !back && got != 500 {
			t.Errorf("%d events before", got)
		}
		if _, err := s.mend(t.Context(), bad, again(1)); (err == nil) != back {
			t.Errorf("comes back: %v, want %v", err, back)
		}
		if got := replay(t, s, 1); got != 500 {
			t.Errorf("%d events, want 500", got)
		}
		if got, err := os.ReadFile(bad.path); err != nil || len(got) != len(whole) {
			t.Errorf("the file is gone: %v", err)
		}
	}
	f(2, 0, true)
	f(5, 0, true)
	f(12, 0, true)
	f(12, 1, false)
}

// TestRetentionBeforeARebuild: a flush of which retention deleted one stream is
// whole all the same.
func TestRetentionBeforeARebuild(t *testing.T) {
	dir := t.TempDir()
	inStreams(t, dir)
	cfg := Config{Streams: []StreamConfig{threeStreams[0], {Name: "web", Filter: threeStreams[1].Filter, MaxAge: time.Minute}}, RetainAge: -1, SegmentBytes: 1}
	cfg.Now = func() time.Time { return testTime.Add(time.Hour) }
	s := mustOpen(t, dir, cfg)
	if err := s.retain(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = rebuilt(t, dir, 0)
	if got := s.Applied(); got != 401 {
		t.Errorf("applied %d, want 401", got)
	}
	if got := replay(t, s, 1); got != 400 {
		t.Errorf("%d events, want 400", got)
	}
}
