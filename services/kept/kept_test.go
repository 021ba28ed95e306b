package kept

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/vault"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func testRing(t testing.TB) *vault.Ring {
	t.Helper()
	m, err := vault.EnsureMaster(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := vault.Open(filepath.Join(t.TempDir(), "keys.json"), m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func testSealer(t testing.TB, ring *vault.Ring, c *clock) *Sealer {
	t.Helper()
	s, err := NewSealer(func() (*vault.Ring, error) { return ring, nil }, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sample() Copy {
	return Copy{
		ID: "r1", Node: "edge", Time: start, Block: true, Score: 5, Rules: []int{942100}, Ruleset: "crs/4",
		Why: Blocked, Probability: 1, Faithful: true, BodyBytes: 9, Model: "m1", PAttack: .25, Kind: verdict.KindPattern,
		Request: verdict.Request{
			ID: "r1", Site: "shop", Method: "POST", URI: "/a?b=<c>", Proto: "HTTP/1.1",
			Headers: [][2]string{{"Host", "shop.example"}, {"Cookie", "sid=xxxx"}}, Body: []byte("q=%27&\xff\x00"),
		},
	}
}

// stored returns the event of a record as a store gives it back.
func stored(t testing.TB, s *Sealer, node string, raw []byte) (*event.Event, []byte) {
	t.Helper()
	sealed, err := s.Seal(node, raw)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	if err := Parse(sealed, &e); err != nil {
		t.Fatal(err)
	}
	e.Source = node
	return &e, sealed
}

func record(t testing.TB, c Copy) []byte {
	t.Helper()
	raw, err := c.Record()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSealAndOpen(t *testing.T) {
	ring := testRing(t)
	s := testSealer(t, ring, &clock{start})
	want := sample()
	raw := record(t, want)
	if !Is(raw) || Is([]byte(`{"@timestamp":"x"}`)) {
		t.Error("a copy is not told from other records")
	}
	e, sealed := stored(t, s, "edge", raw)
	for _, secret := range []string{"shop.example", "xxxx", "q=%27", "/a?b="} {
		if bytes.Contains(sealed, []byte(secret)) {
			t.Errorf("%q can be read in the sealed record %s", secret, sealed)
		}
	}
	got, err := Open(ring, e)
	if err != nil {
		t.Fatal(err)
	}
	want.Source = "edge"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	want.Request = verdict.Request{ID: "r1", Site: "shop"}
	if d := cmp.Diff(want, Describe(e)); d != "" {
		t.Error(d)
	}
}

func TestCopyBelongsToItsNode(t *testing.T) {
	ring := testRing(t)
	s := testSealer(t, ring, &clock{start})
	e, _ := stored(t, s, "other", record(t, sample())) // says that it is edge
	c, err := Open(ring, e)
	if err != nil || c.Node != "other" {
		t.Errorf("node %q, %v", c.Node, err)
	}
	e.Set(event.WAFNode, event.String("edge"))
	if _, err := Open(ring, e); !errors.Is(err, ErrUnreadable) {
		t.Errorf("a copy of another node opens: %v", err)
	}
}

func TestRecordThatIsNoCopyStays(t *testing.T) {
	ring := testRing(t)
	s := testSealer(t, ring, &clock{start})
	cases := 0
	f := func(raw, want string) {
		t.Helper()
		cases++
		e, _ := stored(t, s, "edge", []byte(raw))
		if got := e.Get(event.ErrorMessage).Text(); !strings.Contains(got, want) {
			t.Errorf("%.60q: %q, want %q", raw, got, want)
		}
		if e.Time != start.UnixNano() || e.Get(event.WAFNode).Text() != "edge" || e.Get(Sealed).Text() == "" {
			t.Errorf("%.60q: %s", raw, e.AppendJSON(nil))
		}
		if _, err := Open(ring, e); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%.60q: %v", raw, err)
		}
	}
	change := func(edit func(*Copy)) string {
		c := sample()
		edit(&c)
		return string(record(t, c))
	}
	f("\x00", "cannot be read")
	f("{}", "unexpected end")
	f(change(func(c *Copy) { c.Time = time.Time{} }), "@timestamp")
	f(change(func(c *Copy) { c.ID = "" }), "http.request.id")
	f(change(func(c *Copy) { c.Why = "fun" }), "waf.kept")
	f(change(func(c *Copy) { c.Probability = 2 }), "sample_probability")
	f(change(func(c *Copy) { c.Probability = 0 }), "sample_probability")
	f(change(func(c *Copy) { c.PAttack = -1 }), "p_attack")
	f(strings.Repeat(" ", MaxRecord+1), "more than")
	if cases == 0 {
		t.Fatal("no case ran")
	}
}

func TestKeyOfTheDay(t *testing.T) {
	ring := testRing(t)
	c := &clock{start}
	s := testSealer(t, ring, c)
	first, _ := stored(t, s, "edge", record(t, sample()))
	c.at = start.Add(23 * time.Hour)
	stored(t, s, "edge", record(t, sample()))
	if n := len(ring.List()); n != 1 {
		t.Fatalf("%d keys within a day", n)
	}
	c.at = start.Add(25 * time.Hour)
	second, _ := stored(t, s, "edge", record(t, sample()))
	if n := len(ring.List()); n != 2 {
		t.Fatalf("%d keys after a day", n)
	}
	keep := 7 * 24 * time.Hour
	expire := func(at time.Time, keep time.Duration, want int) {
		t.Helper()
		if n, err := Expire(ring, at, keep); n != want || err != nil {
			t.Fatalf("%d keys destroyed, %v, want %d", n, err, want)
		}
	}
	expire(start.Add(8*24*time.Hour), keep, 0)
	expire(start.Add(1000*time.Hour), -1, 0)
	expire(start.Add(8*24*time.Hour+time.Second), keep, 1)
	if _, err := Open(ring, first); !errors.Is(err, vault.ErrUnknownKey) {
		t.Errorf("a copy of an old day opens: %v", err)
	}
	if _, err := Open(ring, second); err != nil {
		t.Error(err)
	}
}

func TestKeysThatCannotBeHad(t *testing.T) {
	broken := errors.New("disk is full")
	s, err := NewSealer(func() (*vault.Ring, error) { return nil, broken }, (&clock{start}).now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seal("edge", record(t, sample())); !errors.Is(err, broken) {
		t.Error(err)
	}
	l := Library{Ring: func() (*vault.Ring, error) { return nil, broken }}
	if _, err := l.Get(context.Background(), "", "x"); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func FuzzSeal(f *testing.F) {
	ring := testRing(f)
	s := testSealer(f, ring, &clock{start})
	f.Add(record(f, sample()))
	f.Add([]byte(`{"event.dataset":"waf.request","rule.id":["x"],"request":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, _ := stored(t, s, "edge", raw)
		c, err := Open(ring, e)
		if err != nil && !errors.Is(err, ErrUnreadable) {
			t.Fatal(err)
		}
		if err == nil && (c.ID == "" || c.Node != "edge" || !(c.Probability > 0 && c.Probability <= 1)) {
			t.Fatalf("%+v", c)
		}
	})
}
