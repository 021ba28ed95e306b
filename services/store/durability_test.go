package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

var testTime = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// numbered makes events n-1 … with their number as id and message, one a second.
func numbered(from, to int) []event.Event {
	out := make([]event.Event, to-from)
	for i := range out {
		e := &out[i]
		e.Time = testTime.Add(time.Duration(from+i) * time.Second).UnixNano()
		e.ID, e.Source = fmt.Sprintf("%06d", from+i), "test"
		e.AddText(event.Message, fmt.Sprintf("message %d", from+i))
		e.AddInt(event.EventSequence, int64(from+i))
	}
	return out
}

// mustOpen opens a store that is not maintained but when the test does it: how
// many segments there are must not depend on when a goroutine is run.
func mustOpen(t testing.TB, dir string, cfg Config) *Columnar {
	t.Helper()
	cfg.unattended = true
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return testTime }
	}
	s, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// put writes events from to to as the queue range of the same numbers.
func put(t testing.TB, s Store, from, to int) {
	t.Helper()
	if err := s.Write(t.Context(), Batch{Events: numbered(from, to), First: uint64(from), Next: uint64(to)}); err != nil {
		t.Fatal(err)
	}
}

func mustParse(t testing.TB, text string) *query.Query {
	t.Helper()
	q, err := query.Parse(text, testTime)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// ids returns the ids that a query finds.
func ids(t testing.TB, s Store, text string) ([]string, Stats) {
	t.Helper()
	var out []string
	p, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, text)}, func(e *event.Event) error {
		out = append(out, string([]byte(e.ID)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, p.Stats
}

// wantIDs checks that a query finds the events from <= n < to, newest first.
func wantIDs(t testing.TB, s Store, text string, from, to int) {
	t.Helper()
	got, stats := ids(t, s, text)
	var want []string
	for i := to - 1; i >= from; i-- {
		want = append(want, fmt.Sprintf("%06d", i))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s finds %d events, want %d: %.200v", text, len(got), len(want), got)
	}
	if len(stats.Partial) > 0 {
		t.Fatalf("%s is partial: %v", text, stats.Partial)
	}
}

// patience is how long a test waits for a store on a machine that does much else.
const patience = 2 * time.Minute

// await waits until the store has a state.
func await(t testing.TB, s *Columnar, cond func() bool) {
	t.Helper()
	limit := time.After(patience)
	for {
		s.mu.Lock()
		ok, changed := cond(), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit:
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("the store does not get there: of %d offsets %d are in its %d segments, %d rows are in memory", s.written, s.applied, len(s.segments), s.head.rows)
		}
	}
}

func TestWrittenIsFoundAtOnceAndAfterReopening(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{FlushRows: 40})
	for i := 1; i < 200; i += 10 {
		put(t, s, i, i+10)
		wantIDs(t, s, "*", 1, i+10)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), Batch{}); !errors.Is(err, ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
	s = mustOpen(t, dir, Config{})
	wantIDs(t, s, "*", 1, 201)
	if got := s.Applied(); got != 201 {
		t.Errorf("applied %d, want 201", got)
	}
}

func TestReplayStoresNothingTwice(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{})
	put(t, s, 1, 50)
	put(t, s, 1, 50)
	put(t, s, 30, 50)
	wantIDs(t, s, "*", 1, 50)
	if err := s.Write(t.Context(), Batch{Events: numbered(40, 60), First: 40, Next: 60}); err == nil {
		t.Error("half of a range was stored before, and that is no error")
	}
	s.Close()
	s = mustOpen(t, dir, Config{})
	put(t, s, 1, 50)
	put(t, s, 50, 60)
	wantIDs(t, s, "*", 1, 60)
}

// crashed copies the files of a running store, as a crash leaves them.
func crashed(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestCrashLosesOnlyWhatTheQueueReplays(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{FlushRows: 40})
	for i := 1; i < 300; i += 10 {
		put(t, s, i, i+10)
	}
	await(t, s, func() bool { return s.applied > 100 })
	s.manifests.Lock() // a moment between two changes of the files
	after := crashed(t, dir)
	s.manifests.Unlock()
	if err := os.WriteFile(filepath.Join(after, segmentName(0xffff)), []byte("half a segment"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, after, Config{})
	at := int(r.Applied())
	if at < 100 {
		t.Fatalf("applied is %d after the crash", at)
	}
	wantIDs(t, r, "*", 1, at)
	put(t, r, at, 400)
	wantIDs(t, r, "*", 1, 400)
	if _, err := os.Stat(filepath.Join(after, segmentName(0xffff))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the left segment is still there: %v", err)
	}
}

func TestManifestIsRebuilt(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{FlushRows: 40})
	for i := 1; i < 300; i += 20 {
		put(t, s, i, i+20)
	}
	s.Close()
	path := filepath.Join(dir, manifestName)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, Config{})
	wantIDs(t, s, "*", 1, 301)
	if got := s.Applied(); got != 301 {
		t.Errorf("applied %d, want 301", got)
	}
}

func TestMergeKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{FlushRows: 10, Metrics: prometheus.NewRegistry()})
	for i := 1; i < 500; i += 10 {
		put(t, s, i, i+10)
	}
	await(t, s, func() bool { return s.applied == 501 })
	before := len(s.segments)
	for {
		merged, err := s.merge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !merged {
			break
		}
		wantIDs(t, s, "*", 1, 501)
	}
	if after := len(s.segments); after >= before || after > 8 {
		t.Errorf("%d segments became %d", before, after)
	}
	files, err := segmentIDs(dir)
	if err != nil || len(files) != len(s.segments) {
		t.Errorf("%d files for %d segments, %v", len(files), len(s.segments), err)
	}
	s.Close()
	wantIDs(t, mustOpen(t, dir, Config{}), "*", 1, 501)
}

func TestRetentionByAge(t *testing.T) {
	var later atomic.Int64
	s := mustOpen(t, t.TempDir(), Config{FlushRows: 10, SegmentBytes: 1, RetainAge: time.Hour, Now: func() time.Time { return testTime.Add(time.Duration(later.Load())) }})
	for i := 1; i < 100; i += 10 {
		put(t, s, i, i+10) // event times run from one second to 100
		await(t, s, func() bool { return s.applied == uint64(i+10) })
		later.Add(int64(time.Minute))
	}
	retain := func(after time.Duration, from int) {
		t.Helper()
		later.Store(int64(after))
		if err := s.retain(); err != nil {
			t.Fatal(err)
		}
		wantIDs(t, s, "*", from, 101)
	}
	retain(time.Hour, 1)
	retain(time.Hour+4*time.Minute+30*time.Second, 51)
	if s.Applied() != 101 {
		t.Errorf("applied went back to %d", s.Applied())
	}
}

// TestOldEventsAreKept loads events that are older than the retention.
func TestOldEventsAreKept(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{FlushRows: 10, SegmentBytes: 1, RetainAge: time.Hour, Now: func() time.Time { return testTime.AddDate(9, 0, 0) }})
	put(t, s, 1, 31)
	await(t, s, func() bool { return s.applied == 31 })
	if err := s.retain(); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, s, "*", 1, 31)
}

func TestMissingSegmentDoesNotStopTheStart(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{FlushRows: 10, SegmentBytes: 1})
	for i := 1; i < 31; i += 10 {
		put(t, s, i, i+10)
		await(t, s, func() bool { return s.applied == uint64(i+10) })
	}
	s.Close()
	files, err := segmentIDs(dir)
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	if err := os.Remove(filepath.Join(dir, segmentName(files[0]))); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, Config{})
	got, stats := ids(t, s, "*")
	if len(got) != 20 || len(stats.Partial) == 0 || s.Applied() != 31 {
		t.Errorf("%d events, partial %v, applied %d", len(got), stats.Partial, s.Applied())
	}
}

func TestRetentionBySize(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{FlushRows: 10, MaxBytes: 8 << 10})
	for i := 1; i < 500; i += 10 {
		put(t, s, i, i+10)
	}
	await(t, s, func() bool { return s.applied == 501 })
	if err := s.retain(); err != nil {
		t.Fatal(err)
	}
	_, size, _ := s.totals()
	if got, _ := ids(t, s, "*"); size > 8<<10 || len(got) == 0 || got[0] != "000500" {
		t.Errorf("%d bytes and %d events are left", size, len(got))
	}
}

func TestReadersKeepDroppedSegments(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{FlushRows: 10, MaxBytes: 1})
	put(t, s, 1, 11)
	await(t, s, func() bool { return s.applied == 11 })
	n := 0
	_, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "*")}, func(*event.Event) error {
		if n++; n == 1 {
			return s.retain()
		}
		return nil
	})
	if err != nil || n != 10 {
		t.Errorf("a reader saw %d of 10 events, %v", n, err)
	}
	if files, err := segmentIDs(dir); err != nil || len(files) != 0 {
		t.Errorf("files %v are left, %v", files, err)
	}
}

func TestFullDiskRefusesAndResumes(t *testing.T) {
	var free atomic.Int64
	cfg := Config{MinFreeBytes: 1 << 20, space: func(string) (diskSpace, error) { return diskSpace{free: free.Load(), total: 1 << 40}, nil }}
	s := mustOpen(t, t.TempDir(), cfg)
	err := s.Write(t.Context(), Batch{Events: numbered(1, 5), First: 1, Next: 5})
	if !errors.Is(err, ErrFull) {
		t.Fatalf("write to a full disk: %v", err)
	}
	free.Store(1 << 30)
	for limit := time.Now().Add(patience); errors.Is(err, ErrFull) && time.Now().Before(limit); {
		err = s.Write(t.Context(), Batch{Events: numbered(1, 5), First: 1, Next: 5})
	}
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, s, "*", 1, 5)
}

// TestFullDiskDeletesNothing: who fills the disk from outside must not have
// events deleted by it.
func TestFullDiskDeletesNothing(t *testing.T) {
	var free atomic.Int64
	free.Store(1 << 30)
	dir := t.TempDir()
	cfg := Config{FlushRows: 5, MinFreeBytes: 1 << 20, space: func(string) (diskSpace, error) { return diskSpace{free: free.Load(), total: 1 << 40}, nil }}
	s := mustOpen(t, dir, cfg)
	for first := 1; first < 41; first += 10 {
		put(t, s, first, first+10)
	}
	await(t, s, func() bool { return s.applied == 41 })
	free.Store(0)
	for range 2 {
		if err := s.retain(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, dir, cfg)
		wantIDs(t, s, "*", 1, 41)
	}
}

func TestAgeFlushes(t *testing.T) {
	var later atomic.Int64
	s := mustOpen(t, t.TempDir(), Config{FlushAge: 80 * time.Millisecond, Now: func() time.Time { return testTime.Add(time.Duration(later.Load())) }})
	put(t, s, 1, 5)
	later.Store(int64(time.Second))
	await(t, s, func() bool { return s.applied == 5 && s.head.rows == 0 })
	wantIDs(t, s, "*", 1, 5)
}

func TestReadOnlyBesideAWriter(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{FlushRows: 20})
	put(t, s, 1, 31)
	await(t, s, func() bool { return s.applied == 31 })
	put(t, s, 31, 35)
	r, err := OpenReadOnly(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	wantIDs(t, r, "*", 1, 31)
	if r.Applied() != 31 {
		t.Errorf("applied %d, want 31", r.Applied())
	}
	if err := r.Write(t.Context(), Batch{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("write: %v", err)
	}
	if _, err := Open(dir, Config{}); err == nil {
		t.Error("two servers opened one directory")
	}
}

func TestDamageIsReportedAndTheRestFound(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{FlushRows: 20})
	for i := 1; i < 100; i += 20 {
		put(t, s, i, i+20)
		await(t, s, func() bool { return s.applied == uint64(i+20) })
	}
	s.Close()
	files, err := segmentIDs(dir)
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	path := filepath.Join(dir, segmentName(files[1]))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	partial := 0
	for at := 64; at < len(whole); at += 37 {
		raw := slices.Clone(whole)
		raw[at] ^= 0x10
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReadOnly(dir, Config{})
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		got, stats := ids(t, r, "*")
		switch {
		case len(stats.Partial) > 0 && stats.BlocksDamaged > 0:
			partial++
			if len(got) < 80 || len(got) > 100 {
				t.Fatalf("byte %d: %d events are left", at, len(got))
			}
		case len(got) != 100:
			t.Fatalf("byte %d: %d events, and no word of it", at, len(got))
		}
		r.Close()
	}
	if partial == 0 {
		t.Error("no damage was seen")
	}
}

func TestQueryLimits(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{QueryTime: time.Nanosecond})
	put(t, s, 1, 20_000)
	limited := false
	for range 100 {
		_, st, err := s.Aggregate(t.Context(), AggregateRequest{Query: mustParse(t, "message: *ssag* | stats n = count() by message")})
		if err != nil {
			t.Fatal(err)
		}
		limited = limited || len(st.Partial) > 0
	}
	if !limited {
		t.Error("no answer was cut short")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Search(ctx, SearchRequest{Query: mustParse(t, "*")}, func(*event.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("search after cancel: %v", err)
	}
	small := mustOpen(t, t.TempDir(), Config{QueryBytes: 1000})
	put(t, small, 1, 1000)
	var limit *query.LimitError
	if _, _, err := small.Aggregate(t.Context(), AggregateRequest{Query: mustParse(t, "* | stats count() by message")}); !errors.As(err, &limit) {
		t.Errorf("aggregate over its memory: %v", err)
	}
}
