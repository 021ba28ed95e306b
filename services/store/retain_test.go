package store

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/durable"
)

// hasty are files that are not synced: for tests that write many.
type hasty struct{}

func (hasty) write(path string, fill func(*os.File) error) error {
	f, err := os.Create(path + durable.Unfinished)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+durable.Unfinished, path)
}

func (hasty) remove(path string) error { return os.Remove(path) }

func (hasty) aside(path string) error { return moveAside(path, func(string) error { return nil }) }

// flushed writes all that is in memory to segments.
func flushed(t testing.TB, s *Columnar) {
	t.Helper()
	s.mu.Lock()
	s.head.mark()
	s.broadcast()
	s.mu.Unlock()
	await(t, s, func() bool { return len(s.head.marks) == 0 })
}

const day = 24 * time.Hour

// TestWeeksOfRetention lives through ten weeks in steps of six hours: what is
// younger than its stream is kept is there, what is older by more than the
// granularity is gone, and there are few segments.
func TestWeeksOfRetention(t *testing.T) {
	var now atomic.Int64
	streams := []StreamConfig{
		{Name: "waf", Filter: "event.dataset: waf*", MaxAge: 28 * day},
		{Name: "web", Filter: "event.dataset: nginx", MaxAge: 7 * day},
		{Name: "default", MaxAge: -1},
	}
	s := mustOpen(t, t.TempDir(), Config{
		Streams: streams, files: hasty{},
		Now: func() time.Time { return testTime.Add(time.Duration(now.Load())) },
	})
	const step, weeks = 6 * time.Hour, 10
	perStep := 8
	for i := range int(weeks * 7 * day / step) {
		from := 1 + i*perStep
		putMixed(t, s, from, from+perStep)
		flushed(t, s)
		for more := true; more; {
			var err error
			if more, err = s.merge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		now.Add(int64(step))
		if err := s.retain(); err != nil {
			t.Fatal(err)
		}
		if i%20 != 0 {
			continue
		}
		check := func(stream string, age time.Duration, share int) {
			t.Helper()
			got, _ := ids(t, s, "gatewatch.stream: "+stream)
			least := min(i+1, int(age/step)) * perStep / share
			most := min(i+1, int((age+age/ageParts)/step)+1) * perStep / share
			if len(got) < least || len(got) > most {
				t.Fatalf("step %d: stream %s has %d events, want %d to %d", i, stream, len(got), least, most)
			}
		}
		check("waf", 28*day, 2)
		check("web", 7*day, 4)
		check("default", 1000*day, 4)
		if n := len(s.listed()); n > 120 {
			t.Fatalf("step %d: there are %d segments", i, n)
		}
	}
}

// TestSizeOfStreams: a stream over its own size loses its oldest, all together
// over theirs the oldest of the largest stream; a small one stays whole.
func TestSizeOfStreams(t *testing.T) {
	var now atomic.Int64
	reg := prometheus.NewRegistry()
	s := mustOpen(t, t.TempDir(), Config{
		RetainAge: -1, MaxBytes: 24 << 10, files: hasty{}, Metrics: reg,
		Streams: []StreamConfig{{Name: "audit", Filter: "event.dataset: audit"}, {Name: "web", Filter: "event.dataset: nginx", MaxBytes: 8 << 10}},
		Now:     func() time.Time { return testTime.Add(time.Duration(now.Load())) },
	})
	at := 1
	for i := range 100 {
		events := numbered(at, at+30)
		for j := range events {
			events[j].Dataset = []string{"nginx", "other", "other"}[j%3]
		}
		if i%20 == 0 {
			events[0].Dataset = "audit"
		}
		if err := s.Write(t.Context(), Batch{Events: events, First: uint64(at), Next: uint64(at + 30)}); err != nil {
			t.Fatal(err)
		}
		at += 30
		flushed(t, s)
		now.Add(int64(time.Hour))
		if _, err := s.merge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.retain(); err != nil {
			t.Fatal(err)
		}
		x := s.expire()
		if len(x.gone) > 0 || x.total > 24<<10 || x.bytes["web"] > 8<<10 {
			t.Fatalf("%d bytes in all, %d of web", x.total, x.bytes["web"])
		}
	}
	if got, _ := ids(t, s, "gatewatch.stream: audit"); len(got) != 5 {
		t.Errorf("%d of 5 events of the small stream are left", len(got))
	}
	for _, stream := range []string{"web", "default"} {
		got, _ := ids(t, s, "gatewatch.stream: "+stream)
		newest := fmt.Sprintf("%06d", at-3)
		if stream == "default" {
			newest = fmt.Sprintf("%06d", at-1)
		}
		if len(got) == 0 || got[0] != newest {
			t.Errorf("stream %s begins with %.1v, want %s", stream, got, newest)
		}
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				counted[f.GetName()+" "+l.GetValue()] = m.GetCounter().GetValue()+m.GetGauge().GetValue() > 0
			}
		}
	}
	for _, name := range []string{"rows_deleted_total " + whyStream, "rows_deleted_total " + whySize, "stream_bytes web", "stream_rows audit"} {
		if !counted["gatewatch_store_"+name] {
			t.Errorf("%s is not counted", name)
		}
	}
}

// TestLevels goes down and up with the free space of the disk.
func TestLevels(t *testing.T) {
	f := func(deletes bool) {
		t.Helper()
		var free atomic.Int64
		free.Store(1 << 30)
		dir := t.TempDir()
		s := mustOpen(t, dir, Config{
			RetainAge: -1, MinFreeBytes: 1 << 20, LowFreeBytes: 2 << 20, DeleteWhenLow: deletes, files: hasty{}, SegmentBytes: 1,
			Streams: threeStreams,
			space: func(string) (diskSpace, error) {
				return diskSpace{free: free.Load(), total: 1 << 40}, nil
			},
		})
		for at := 1; at < 400; at += 40 {
			putMixed(t, s, at, at+40)
			flushed(t, s)
		}
		files := len(s.listed())
		var oldest int64
		for _, x := range byStream(s.listed())["waf"][:2] {
			oldest += x.info.Bytes
		}
		look := func(level Level, gone int) {
			t.Helper()
			s.lookAtRoom()
			if err := s.retain(); err != nil {
				t.Fatal(err)
			}
			if got := s.Room(); got.Level != level || got.Free != free.Load() {
				t.Errorf("room %+v, want level %s", got, level)
			}
			if got := files - len(s.listed()); got != gone {
				t.Errorf("%d segments are gone at level %s, want %d", got, level, gone)
			}
		}
		look(Roomy, 0)
		free.Store(2<<20 - oldest)
		if deletes {
			look(Low, 2)
		} else {
			look(Low, 0)
		}
		got, stats := ids(t, s, "*")
		if len(stats.Partial) > 0 || !deletes && len(got) != 400 {
			t.Errorf("%d events are found, partial %v", len(got), stats.Partial)
		}
		free.Store(1<<20 - 1)
		s.lookAtRoom()
		if got := s.Room().Level; got != Full {
			t.Errorf("level %s, want full", got)
		}
		s.space.at = time.Time{}
		if err := s.Write(t.Context(), Batch{Events: numbered(401, 402), First: 401, Next: 402}); !errors.Is(err, ErrFull) {
			t.Errorf("write to a full disk: %v", err)
		}
		if again, _ := ids(t, s, "*"); !slices.Equal(again, got) {
			t.Error("a full disk is read differently")
		}
		free.Store(1 << 30)
		s.space.at = time.Time{}
		put(t, s, 401, 402)
		s.lookAtRoom()
		if got := s.Room().Level; got != Roomy {
			t.Errorf("level %s, want roomy", got)
		}
	}
	f(false)
	f(true)
	err := Config{LowFreeBytes: 5, MinFreeBytes: 6}.Validate()
	if err == nil || !strings.Contains(err.Error(), "low_free_bytes") {
		t.Errorf("watermarks the wrong way round: %v", err)
	}
}
