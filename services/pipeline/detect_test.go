package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/vault"
)

// counting finds every nth event since it was made or restored.
type counting struct {
	rule *detection.Rule
	n    int
	seen int
}

func (c *counting) Detect(dst []detection.Finding, e *event.Event) []detection.Finding {
	if c.seen++; c.seen%c.n == 0 {
		dst = append(dst, detection.Finding{Rule: c.rule, Event: e, Count: int64(c.seen)})
	}
	return dst
}
func (c *counting) Snapshot(dst []byte) []byte { return strconv.AppendInt(dst, int64(c.seen), 10) }
func (c *counting) Restore(b []byte) (err error) {
	c.seen, err = strconv.Atoi(string(b))
	return err
}

// countings makes counting detectors of rule sets named by a number.
type countings struct{ current string }

func (c countings) Current() string { return c.current }
func (c countings) Detector(ruleset string) (detection.Detector, error) {
	n, err := strconv.Atoi(ruleset)
	if err != nil {
		return nil, errors.New("no such rules")
	}
	return &counting{rule: &detection.Rule{ID: "every " + ruleset, Severity: 50}, n: n}, nil
}

// detecting is a pipeline over the parts that detects.
func (p parts) detecting(t *testing.T, dir string) *Pipeline {
	t.Helper()
	line, err := New(Config{BatchEvents: 4}, Options{
		Queue: p.queue, Store: p.store, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Detectors: countings{"2"}, State: filepath.Join(dir, "detect"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// feed appends n records, numbered from first on.
func (p parts) feed(t *testing.T, first, n int) queue.Offset {
	t.Helper()
	g := queue.Group{Source: "s", Format: "json", Epoch: queue.Epoch{7}}
	for i := range n {
		g.Records = append(g.Records, queue.Record{Seq: uint64(first + i), Received: received, Raw: fmt.Appendf(nil, `{"n":%d}`, first+i)})
	}
	at, err := p.queue.Append(t.Context(), []queue.Group{g})
	if err != nil {
		t.Fatal(err)
	}
	return at + queue.Offset(n)
}

func (p parts) control(t *testing.T, seq uint64, raw string) queue.Offset {
	t.Helper()
	g := queue.Group{Source: detection.Source, Format: ControlFormat, Epoch: queue.Epoch{9}, Records: []queue.Record{{Seq: seq, Received: received, Raw: []byte(raw)}}}
	if _, err := p.queue.Append(t.Context(), []queue.Group{g}); err != nil {
		t.Fatal(err)
	}
	_, next := p.queue.Bounds()
	return next
}

// findings are what is stored, as "rule: number of the event".
func (p parts) findings(t *testing.T) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, e := range p.search(t, "event.dataset: gatewatch.finding") {
		var last string
		for v := range e.Values(event.FindingEventIDs) {
			last = v.Text()
		}
		found[e.Get(event.RuleID).Text()+":"+last[strings.LastIndexByte(last, '-')+1:]]++
	}
	return found
}

func TestDetect(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	defer p.close(t)
	p.feed(t, 1, 5)
	p.control(t, 1, `{"ruleset":"3"}`)
	end := p.feed(t, 6, 4)
	if err := p.detecting(t, dir).RunTo(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	// The counter goes on; the control record is no event.
	want := map[string]int{"every 2:2": 1, "every 2:4": 1, "every 3:6": 1, "every 3:9": 1}
	if diff := cmp.Diff(want, p.findings(t)); diff != "" {
		t.Error(diff)
	}
	if got := p.search(t, "not event.dataset: gatewatch.finding"); len(got) != 9 {
		t.Errorf("%d events, want 9", len(got))
	}
}

// TestDetectGoesOn stops after every possible number of events, with and
// without losing what the store has not made durable: the findings are those of
// one run.
func TestDetectGoesOn(t *testing.T) {
	const events = 12
	want := map[string]int{"every 2:2": 1, "every 2:4": 1, "every 2:6": 1, "every 2:8": 1, "every 2:10": 1, "every 2:12": 1}
	for stop := 1; stop < events; stop++ {
		for _, crash := range []bool{false, true} {
			dir := t.TempDir()
			p := open(t, dir)
			line := p.detecting(t, dir)
			if err := line.RunTo(t.Context(), p.feed(t, 1, stop)); err != nil {
				t.Fatal(err)
			}
			if crash {
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				p.close(t)
				dir = copied
			} else {
				p.close(t)
			}
			p = open(t, dir)
			if err := p.detecting(t, dir).RunTo(t.Context(), p.feed(t, stop+1, events-stop)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, p.findings(t)); diff != "" {
				t.Errorf("stopped after %d, crash %v: %s", stop, crash, diff)
			}
			p.close(t)
		}
	}
}

// TestBadRules: rules that cannot be had leave those in use.
func TestBadRules(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	defer p.close(t)
	for i, raw := range []string{`{"ruleset":"missing"}`, `{"ruleset":7}`, `no control record`, `{}`} {
		p.control(t, uint64(i+1), raw)
	}
	if err := p.detecting(t, dir).RunTo(t.Context(), p.feed(t, 1, 4)); err != nil {
		t.Fatal(err)
	}
	if got := p.findings(t); got["every 2:2"] != 1 || got["every 2:4"] != 1 {
		t.Errorf("findings %v", got)
	}
}

func TestCheckpoints(t *testing.T) {
	testCheckpoints(t, &checkpoints{dir: t.TempDir()})
}

func TestEncryptedCheckpoints(t *testing.T) {
	master, err := vault.ParseMaster(strings.Repeat("1", 64))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.Open(filepath.Join(t.TempDir(), "keys.json"), master)
	if err != nil {
		t.Fatal(err)
	}
	dir := &checkpoints{dir: t.TempDir(), keys: keys, encrypt: true}
	testCheckpoints(t, dir)
	if err := dir.save(checkpoint{5, "rules", "data", []byte("state 5"), []byte("memory")}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(dir.path(5)); err != nil || strings.Contains(string(b), "state") {
		t.Errorf("the file holds %q, %v", b, err)
	}
	dir.keys = nil
	if _, _, err := dir.load(10, func(error) {}); err == nil {
		t.Error("loaded without keys")
	}
	if _, err := os.Stat(dir.path(5)); err != nil {
		t.Errorf("the state is lost: %v", err)
	}
}

func testCheckpoints(t *testing.T, dir *checkpoints) {
	t.Helper()
	for _, offset := range []queue.Offset{3, 5, 9, 20} {
		if err := dir.save(checkpoint{offset, "rules", "data", fmt.Appendf(nil, "state %d", offset), nil}); err != nil {
			t.Fatal(err)
		}
	}
	damaged, err := os.ReadFile(dir.path(9))
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)/2] ^= 1
	if err := os.WriteFile(dir.path(9), damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	var reported []error
	c, ok, err := dir.load(10, func(err error) { reported = append(reported, err) })
	if err != nil || !ok || c.offset != 5 || string(c.state) != "state 5" || c.ruleset != "rules" || c.enrichment != "data" {
		t.Errorf("loaded %+v, %v, %v", c, ok, err)
	}
	if len(reported) != 1 || !errors.Is(reported[0], errCheckpoint) {
		t.Errorf("reported are %v", reported)
	}
	if left, err := dir.offsets(); err != nil || !cmp.Equal(left, []queue.Offset{5}) {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, ok, err := dir.load(4, func(error) {}); ok || err != nil {
		t.Errorf("a checkpoint before 4: %v, %v", ok, err)
	}
}

func FuzzReadCheckpoint(f *testing.F) {
	f.Add(checkpoint{7, "rules", "data", []byte("state"), []byte("memory")}.appendTo(nil))
	f.Add([]byte(checkpointMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readCheckpoint(b)
		if err == nil && string(c.appendTo(nil)) != string(b) {
			t.Errorf("%+v is not what was read", c)
		}
	})
}
