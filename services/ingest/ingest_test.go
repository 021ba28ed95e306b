package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/queue"
)

// patience bounds each wait of a test; reaching it is a failure. What is waited
// for takes a second at most, or twenty times as long on a machine that has
// twenty other things to do.
const patience = time.Minute

// named makes a group of records with ids; "id=text" gives an id.
func named(source string, records ...string) []queue.Group {
	g := queue.Group{Source: source, Format: "json"}
	for _, r := range records {
		id, text, found := strings.Cut(r, "=")
		if !found {
			id, text = "", r
		}
		g.Records = append(g.Records, queue.Record{ID: id, Raw: []byte(text)})
	}
	return []queue.Group{g}
}

func TestPutGivesEachRecordAnIdentity(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	if errs := s.Put(t.Context(), append(named("a", "1", "2"), named("b", "3", "x=4")...)); errs != nil {
		t.Fatal(errs)
	}
	seen := map[string]bool{}
	for _, g := range log.all() {
		for _, r := range g.Records {
			id := g.EventID(&r)
			if seen[id] || r.Received == 0 || g.Parser == 0 {
				t.Errorf("record %+v of %+v has no identity of its own, time or version", r, g)
			}
			seen[id] = true
		}
	}
	if len(seen) != 4 || !seen["x"] {
		t.Errorf("identities: %v", seen)
	}
	if c := counts(t, s, "a"); c.Received != 2 || c.Bytes != 2 || c.Last.IsZero() || !cmp.Equal(c.Formats, []string{"json"}) {
		t.Errorf("counts of a: %+v", c)
	}
}

func TestFirstRecordUnderAnIDWins(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	f := func(source string, records []string, want ...error) {
		t.Helper()
		errs := s.Put(t.Context(), named(source, records...))
		if errs == nil {
			errs = make([]error, len(records))
		}
		if diff := cmp.Diff(want, errs, cmpopts.EquateErrors()); diff != "" {
			t.Errorf("%v: %s", records, diff)
		}
	}
	f("a", []string{"1=x", "2=y"}, nil, nil)
	f("a", []string{"1=x"}, ErrDuplicate)
	f("a", []string{"1=other"}, ErrConflict)
	f("b", []string{"1=x"}, nil) // ids are those of a source
	f("a", []string{"3=x", "3=x", "3=z", "free"}, nil, ErrDuplicate, ErrConflict, nil)

	log.setFail(queue.ErrFull)
	f("a", []string{"4=x", "4=x", "1=x"}, queue.ErrFull, queue.ErrFull, ErrDuplicate)
	log.setFail(nil)
	f("a", []string{"4=x", "1=x"}, nil, ErrDuplicate)

	if diff := cmp.Diff([]string{"x", "y", "x", "x", "free", "x"}, lines(log.all())); diff != "" {
		t.Error(diff)
	}
	if c := counts(t, s, "a"); c.Received != 5 || c.Duplicates != 4 || c.Conflicts != 2 {
		t.Errorf("counts: %+v", c)
	}
}

func TestSecondOfTwoWaitsForTheOutcomeOfTheFirst(t *testing.T) {
	f := func(fail error, first, second []error) {
		t.Helper()
		log := newMemoryLog()
		s := openSink(t, log, Config{})
		entered, open := log.hold()
		var a, b []error
		var work sync.WaitGroup
		work.Go(func() { a = s.Put(t.Context(), named("s", "id=x", "p=1")) })
		<-entered
		started := make(chan struct{})
		work.Go(func() { close(started); b = s.Put(t.Context(), named("s", "id=x", "q=2")) })
		<-started
		<-entered // the second stores its other record meanwhile
		log.setFail(fail)
		open()
		work.Wait()
		if diff := cmp.Diff([][]error{first, second}, [][]error{a, b}, cmpopts.EquateErrors()); diff != "" {
			t.Errorf("fail %v: %s", fail, diff)
		}
	}
	f(nil, nil, []error{ErrDuplicate, nil})
	f(queue.ErrFull, []error{queue.ErrFull, queue.ErrFull}, []error{queue.ErrFull, queue.ErrFull})
}

func TestManyPutsOfTheSameIDsStoreEachOnce(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	const senders, n = 8, 200
	var work sync.WaitGroup
	stored := make([]int, senders)
	for i := range senders {
		work.Go(func() {
			for k := range n {
				// In both orders, so that two calls want what the other holds.
				ids := []string{fmt.Sprintf("%d=x", k), fmt.Sprintf("%d=x", n-1-k)}
				errs := s.Put(t.Context(), named("s", ids...))
				for j := range ids {
					if errs == nil || errs[j] == nil {
						stored[i]++
					} else if !errors.Is(errs[j], ErrDuplicate) {
						t.Error(errs[j])
					}
				}
			}
		})
	}
	work.Wait()
	sum := 0
	for _, k := range stored {
		sum += k
	}
	if got := len(lines(log.all())); got != n || sum != n {
		t.Errorf("stored %d, told %d, want %d", got, sum, n)
	}
}

func at(source string, epoch byte, seqs ...uint64) queue.Group {
	g := queue.Group{Source: source, Format: "json", Epoch: queue.Epoch{epoch}}
	for _, q := range seqs {
		g.Records = append(g.Records, queue.Record{Seq: q, Raw: fmt.Append(nil, q)})
	}
	return g
}

func TestPositionsAreExact(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	f := func(g queue.Group, position uint64, want ...error) {
		t.Helper()
		errs := s.PutAt(t.Context(), g)
		if diff := cmp.Diff(want, errs, cmpopts.EquateErrors(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%v: %s", g, diff)
		}
		if got := s.Position(g.Source, g.Epoch); got != position {
			t.Errorf("position %d, want %d", got, position)
		}
	}
	f(at("n", 1, 1, 2, 3), 3)
	f(at("n", 1, 2, 3, 4), 4, ErrDuplicate, ErrDuplicate, nil)
	f(at("n", 2, 1), 1) // another epoch
	f(at("m", 1, 1), 1) // another source
	f(at("n", 1, 9), 9) // a gap
	f(at("n", 1, 5, 1), 9, ErrDuplicate, ErrDuplicate)
	f(at("n", 1, 10, 10, 12, 11), 12, nil, ErrSequence, nil, ErrSequence)
	log.setFail(queue.ErrFull)
	f(at("n", 1, 12, 13, 13), 12, ErrDuplicate, queue.ErrFull, ErrSequence)
	log.setFail(nil)
	f(at("n", 1, MaxSequence), 12, ErrSequence)
	f(at("n", 1, 13), 13)
}

func TestPutAtTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemoryLog()
		s := openSink(t, log, Config{})
		entered, open := log.hold()
		var work sync.WaitGroup
		work.Go(func() {
			if errs := s.PutAt(t.Context(), at("n", 1, 1, 2)); !errors.Is(worst(errs), queue.ErrFull) {
				t.Errorf("first: %v", errs)
			}
		})
		<-entered
		work.Go(func() {
			// Were 3 durable before the first has failed, 1 and 2 would be taken for
			// duplicates when they are sent again.
			if errs := s.PutAt(t.Context(), at("n", 1, 1, 2, 3)); errs != nil {
				t.Errorf("second: %v", errs)
			}
		})
		synctest.Wait()
		if len(entered) != 0 {
			t.Error("the second did not wait for the first")
		}
		log.failOnce(queue.ErrFull)
		open()
		work.Wait()
		if diff := cmp.Diff([]string{"1", "2", "3"}, lines(log.all())); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRestartKnowsWhatWasStored(t *testing.T) {
	f := func(name string, damage func(dir string)) {
		t.Helper()
		dir, log := t.TempDir(), newMemoryLog()
		open := func() *Sink {
			s, err := Open(t.Context(), dir, log, Config{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open()
		s.Put(t.Context(), named("a", "1=x", "free"))
		s.PutAt(t.Context(), at("n", 1, 1, 2, 3))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open()
		s.Put(t.Context(), named("a", "2=y", "free"))
		s.PutAt(t.Context(), at("n", 1, 4))
		s.cancel() // no save: like a kill
		<-s.stopped
		damage(dir)
		s = open()
		defer s.Close()
		if errs := s.Put(t.Context(), named("a", "1=x", "2=y", "2=z", "3=n")); !cmp.Equal(
			[]error{ErrDuplicate, ErrDuplicate, ErrConflict, nil}, errs, cmpopts.EquateErrors()) {
			t.Errorf("%s: %v", name, errs)
		}
		if got := s.Position("n", queue.Epoch{1}); got != 4 {
			t.Errorf("%s: position %d, want 4", name, got)
		}
		if n, _ := s.positions.size(); n > 3 { // n's, and those of receivers that a lost snapshot named
			t.Errorf("%s: %d positions", name, n)
		}
	}
	flip := func(file string) func(string) {
		return func(dir string) {
			path := filepath.Join(dir, file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(files ...string) func(string) {
		return func(dir string) {
			for _, file := range files {
				if err := os.Remove(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	f("killed", func(string) {})
	f("newest damaged", flip(snapshotName))
	f("older damaged", flip(olderName))
	f("newest missing", remove(snapshotName))
	f("all missing", remove(snapshotName, olderName))
	f("cut", func(dir string) {
		if err := os.Truncate(filepath.Join(dir, snapshotName), 30); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNothingOfADamagedSnapshotIsBelieved(t *testing.T) {
	dir := t.TempDir()
	p, ids := newPositions(10), newIDs(10, 10, 1<<20)
	p.raise(positionKey{"n", queue.Epoch{1}}, 7)
	ids.remember("a", idEntry{keyOf("1"), 1})
	if _, err := (&snapshots{dir: dir}).write(5, queue.Epoch{9}, p, ids); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, snapshotName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := func(what string, b []byte, want queue.Offset) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		p, ids := newPositions(10), newIDs(10, 10, 1<<20)
		offset, _, damaged := (&snapshots{dir: dir}).read(p, ids)
		n, _ := p.size()
		if known := n > 0 || ids.size() > 0; offset != want || known != (want > 0) || (len(damaged) > 0) != (want == 0) {
			t.Errorf("%s: offset %d, %d positions, %d ids, damage %v", what, offset, n, ids.size(), damaged)
		}
	}
	f("whole", good, 5)
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 0x10
		f(fmt.Sprintf("byte %d flipped", i), b, 0)
		f(fmt.Sprintf("cut to %d bytes", i), good[:i], 0)
	}
}

func TestQueueIsHeldForTheOlderSnapshot(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{})
	s.cancel() // the test saves by itself
	<-s.stopped
	f := func(put int, want queue.Offset) {
		t.Helper()
		for range put {
			s.Put(t.Context(), named("a", "x"))
		}
		if err := s.save(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := log.Committed(Consumer); got != want {
			t.Errorf("committed %d, want %d", got, want)
		}
	}
	f(10, 1)
	f(10, 11)
	f(0, 21)
	// What is on its way to the log may be missing in the snapshot.
	flight := s.flights.begin()
	f(10, 21)
	f(10, 21)
	s.flights.done(flight)
	f(0, 21)
	f(0, 41)
}

func TestMemoryOfIDsIsBounded(t *testing.T) {
	log := newMemoryLog()
	s := openSink(t, log, Config{IDsPerSource: 10, IDMemoryBytes: 30 * idBytes, MaxSources: 5})
	for i := range 25 {
		s.Put(t.Context(), named("a", fmt.Sprintf("%d=x", i)))
	}
	f := func(source, id string, want error) {
		t.Helper()
		errs := s.Put(t.Context(), named(source, id+"=x"))
		if !errors.Is(worstOf(errs), want) {
			t.Errorf("%s %s: %v, want %v", source, id, errs, want)
		}
	}
	f("a", "15", ErrDuplicate) // the last 10
	f("a", "24", ErrDuplicate)
	f("a", "14", nil) // forgotten, and takes the place of 15
	f("a", "15", nil)
	for i := range 20 {
		for k := range 10 {
			s.Put(t.Context(), named(fmt.Sprintf("s%d", i), fmt.Sprintf("%d=x", k)))
		}
	}
	if n := s.ids.size(); n > 30 {
		t.Errorf("%d ids are remembered, want at most 30", n)
	}
	if n := len(s.ids.sourcesByUse()); n > 5 {
		t.Errorf("ids of %d sources are remembered, want at most 5", n)
	}
	if n := len(s.Sources()); n > 6 {
		t.Errorf("%d sources are counted, want at most 5 and other", n)
	}
	if c := counts(t, s, other); c.Received == 0 {
		t.Error("nothing is counted for the other sources")
	}
}

// worstOf returns the first error of all.
func worstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestPositionsOfOneSourceDoNotPushOutOthers(t *testing.T) {
	s := openSink(t, newMemoryLog(), Config{MaxPositions: 20})
	s.PutAt(t.Context(), at("quiet", 1, 7))
	for i := range 200 {
		s.PutAt(t.Context(), at("flood", byte(i+1), 1))
	}
	if got := s.Position("quiet", queue.Epoch{1}); got != 7 {
		t.Errorf("position of the quiet source is %d, want 7", got)
	}
	n, forgotten := s.positions.size()
	if n > 20 || forgotten == 0 {
		t.Errorf("%d positions, %d forgotten; want at most 20", n, forgotten)
	}
}

func TestMetricsAreRegisteredAndValid(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	s, err := Open(t.Context(), t.TempDir(), newMemoryLog(), Config{}, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Put(t.Context(), named("bad\xff\x00name", "x"))
	s.Refuse("a", ReasonMalformed, 3)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		got = append(got, f.GetName())
	}
	if len(got) != 12 {
		t.Errorf("metrics: %v", got)
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(snapshotMagic + "\x05"))
	f.Add([]byte(snapshotMagic + "\x05" + strings.Repeat("e", 16) + "\x01\x01s" + strings.Repeat("e", 16) + "\x07\x01\x01s\x01" + strings.Repeat("k", 24)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = readSnapshot(bufio.NewReader(bytes.NewReader(data)), newPositions(10), newIDs(10, 10, 1000))
	})
}
