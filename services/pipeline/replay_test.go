package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/store"
)

// misread and mended are how the same records are read before and after a
// parser was mended.
var (
	misread = Config{Sources: map[string]SourceConfig{"gateway": {Format: "syslog"}}}
	mended  = Config{}
)

// history appends n records to the queue and stores their events.
func (p parts) history(t *testing.T, cfg Config, n int) queue.Offset {
	t.Helper()
	for i := range n {
		g := group("gateway", "nginx.error", line)
		g.Records[0].Seq, g.Records[0].Received = uint64(i+1), received+int64(i)*int64(time.Second)
		if _, err := p.queue.Append(t.Context(), []queue.Group{g}); err != nil {
			t.Fatal(err)
		}
	}
	_, next := p.queue.Bounds()
	if err := p.pipeline(t, cfg).RunTo(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	return next
}

// want checks that each event is there once, and how many are read well.
func (p parts) want(t *testing.T, all, well int) {
	t.Helper()
	seen := map[string]int{}
	for _, e := range p.search(t, "*") {
		seen[e.ID]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("event %s is stored %d times", id, n)
		}
	}
	if got := len(p.search(t, "source.ip: 203.0.113.9")); len(seen) != all || got != well {
		t.Errorf("%d events, of which %d are read well; want %d and %d", len(seen), got, all, well)
	}
}

func TestReplayWithAMendedParser(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	p.history(t, misread, 20)
	p.want(t, 20, 0)
	ids := map[string]bool{}
	for _, e := range p.search(t, "*") {
		ids[e.ID] = true
	}
	p.close(t)

	for _, from := range []queue.Offset{15, 8, 1} {
		p = open(t, dir)
		rewound, err := Rewind(t.Context(), p.queue, p.store, from)
		if err != nil || rewound.Rows != 21-int64(from) {
			t.Fatalf("rewind to %d: %+v, %v", from, rewound, err)
		}
		if got := p.queue.Committed(Consumer); got > from {
			t.Errorf("the queue may be cut up to %d during a replay from %d", got, from)
		}
		if err := p.pipeline(t, mended).RunTo(t.Context(), 21); err != nil {
			t.Fatal(err)
		}
		p.want(t, 20, 21-int(from))
		p.close(t)
	}
	p = open(t, dir)
	defer p.close(t)
	for _, e := range p.search(t, "*") {
		if !ids[e.ID] {
			t.Errorf("the replay made another id: %s", e.ID)
		}
	}
}

// TestReplayKilled copies the files as a crash leaves them, between all steps of
// a replay. A pipeline that is started on them ends the replay.
func TestReplayKilled(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	next := p.history(t, misread, 30)
	p.close(t)
	p = open(t, dir)
	defer p.close(t)
	check := func(step string, well int) {
		t.Helper()
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		c := open(t, copied)
		defer c.close(t)
		if err := c.pipeline(t, mended).RunTo(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		c.want(t, 30, well)
		if t.Failed() {
			t.Fatal(step)
		}
	}
	if err := p.queue.Commit(t.Context(), Consumer, 11); err != nil {
		t.Fatal(err)
	}
	check("the queue is held", 0)
	if _, err := Rewind(t.Context(), p.queue, p.store, 11); err != nil {
		t.Fatal(err)
	}
	check("the store is rewound", 20)
	if err := p.pipeline(t, mended).RunTo(t.Context(), 21); err != nil {
		t.Fatal(err)
	}
	check("half is in memory", 20)
	p.close(t)
	check("half is stored", 20)
	p = open(t, dir)
	if err := p.pipeline(t, mended).RunTo(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	p.want(t, 30, 20)
}

// TestReplayOfALostQueue damages what the store was made from: nothing is taken
// out that cannot be made again.
func TestReplayOfALostQueue(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	next := p.history(t, misread, 20)
	p.close(t)
	damage(t, dir)

	p = open(t, dir)
	_, err := Rewind(t.Context(), p.queue, p.store, 1)
	var lost *LostError
	if !errors.As(err, &lost) {
		t.Fatalf("rewind over lost records: %v", err)
	}
	p.want(t, 20, 0)
	if _, err := Rewind(t.Context(), p.queue, p.store, lost.To); err != nil {
		t.Fatal(err)
	}
	if err := p.pipeline(t, mended).RunTo(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	p.want(t, 20, int(next-lost.To))
	p.close(t)
}

// damage flips a byte in the middle of the only segment of the queue.
func damage(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "queue", "*.seg"))
	if err != nil || len(names) != 1 {
		t.Fatalf("segments of the queue: %v, %v", names, err)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(names[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGapIsPassed runs over a gap of the queue. What is lost was never stored,
// so it does not hold up RunTo, nor a replay later on.
func TestGapIsPassed(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	for i := range 9 {
		if _, err := p.queue.Append(t.Context(), []queue.Group{group("s", "json", fmt.Sprintf(`{"n":%d}`, i))}); err != nil {
			t.Fatal(err)
		}
	}
	p.close(t)
	damage(t, dir)
	p = open(t, dir)
	if err := p.pipeline(t, Config{}).RunTo(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	p.close(t)
	p = open(t, dir)
	defer p.close(t)
	if got := p.store.Applied(); got != 10 {
		t.Errorf("applied %d, want 10", got)
	}
	if _, err := Rewind(t.Context(), p.queue, p.store, 1); err != nil {
		t.Fatal(err)
	}
	if err := p.pipeline(t, Config{}).RunTo(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if got := len(p.search(t, "*")); got != 8 {
		t.Errorf("%d events after a replay, want 8", got)
	}
}

func TestOffsetAt(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	next := p.history(t, misread, 20)
	f := func(seconds int, want queue.Offset) {
		t.Helper()
		got, err := OffsetAt(t.Context(), p.queue, time.Unix(0, received).Add(time.Duration(seconds)*time.Second), next)
		if err != nil || got != want {
			t.Errorf("offset at %d seconds: %d, want %d: %v", seconds, got, want, err)
		}
	}
	f(-5, 1)
	f(0, 1)
	f(7, 8)
	f(19, 20)
	f(20, 21)
}

func TestReadStoresNothing(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	next := p.history(t, misread, 20)
	n := 0
	counts, err := Read(t.Context(), mended, nil, p.queue, 6, next, func(b store.Batch) error {
		n += len(b.Events)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]SourceCount{{Name: "gateway", Parsed: 15, Stored: 15}}, counts); diff != "" || n != 15 {
		t.Errorf("%d events (-want +got):\n%s", n, diff)
	}
	p.want(t, 20, 0)
	boom := errors.New("boom")
	if _, err := Read(t.Context(), mended, nil, p.queue, 6, next, func(store.Batch) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("error of write: %v", err)
	}
}

// TestCutRecordIsMarked wants the event of a record that an input cut to say so,
// read well or not.
func TestCutRecordIsMarked(t *testing.T) {
	p := open(t, t.TempDir())
	defer p.close(t)
	g := group("s", "json", `{"message":"whole"}`, `{"message":"cut"}`, `{"message":"no js`)
	g.Records[1].Cut, g.Records[2].Cut = true, true
	if _, err := p.queue.Append(t.Context(), []queue.Group{g}); err != nil {
		t.Fatal(err)
	}
	if err := p.pipeline(t, Config{}).RunTo(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if got := len(p.search(t, "log.flags: truncated and error.message: *")); got != 2 {
		t.Errorf("%d events are marked as cut, want 2", got)
	}
	if got := p.search(t, "not log.flags: *"); len(got) != 1 {
		t.Errorf("%d events are not marked, want 1", len(got))
	}
	if got := p.search(t, `error.message: *json*`); len(got) != 1 {
		t.Errorf("the mark hides why a record could not be read: %d", len(got))
	}
}

// TestReplayGivesTheSameFindings replays from within what detectors have seen.
// Their state there is made again from what the queue holds before.
func TestReplayGivesTheSameFindings(t *testing.T) {
	for from := queue.Offset(1); from <= 11; from++ {
		dir := t.TempDir()
		p := open(t, dir)
		end := p.feed(t, 1, 10)
		if err := p.detecting(t, dir).RunTo(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		want := p.findings(t)
		if len(want) != 5 {
			t.Fatalf("findings %v, want 5", want)
		}
		p.close(t)

		p = open(t, dir)
		if _, err := Rewind(t.Context(), p.queue, p.store, from); err != nil {
			t.Fatal(err)
		}
		line := p.detecting(t, dir)
		line.Warm = 1
		if err := line.RunTo(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.findings(t)); diff != "" {
			t.Errorf("findings after a replay from %d (-want +got):\n%s", from, diff)
		}
		p.close(t)
	}
}
