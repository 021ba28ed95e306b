// Package queuetest holds the contract that every queue.Queue must keep.
package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/gatewatch/gatewatch/services/queue"
)

// patience bounds each wait of the suite; reaching it is a failure.
const patience = 30 * time.Second

// Run checks a queue against the contract. open opens the log of that name,
// empty the first time; the suite closes it and may open it again.
func Run(t *testing.T, open func(t *testing.T, name string) queue.Queue) {
	for name, f := range map[string]func(t *testing.T, c *checker){
		"order": order, "odd records": oddRecords, "middle": middle, "concurrent": concurrent,
		"waiting reader": waitingReader, "two readers": twoReaders, "reopen": reopen,
		"commit": commit, "closed": closed, "context": contextEnds, "no records": noRecords, "memory": memory,
	} {
		t.Run(name, func(t *testing.T) {
			f(t, &checker{t: t, open: func() queue.Queue { return open(t, name) }})
		})
	}
}

// Records returns groups whose records follow seq: n records of size bytes each
// in two groups (one if n is 1).
func Records(source string, seq uint64, n, size int) []queue.Group {
	group := func(from uint64, n int) queue.Group {
		g := queue.Group{Source: source, Format: "json", Peer: "192.0.2.1", Epoch: queue.Epoch{1, 2, 3}, Parser: 7}
		for i := range uint64(n) {
			raw := fmt.Appendf(make([]byte, 0, size), `{"n":%d}`, from+i)
			noise := rand.New(rand.NewPCG(from, i)) // so that it takes its size on disk too
			for len(raw) < size {
				raw = append(raw, byte(noise.Uint32()))
			}
			g.Records = append(g.Records, queue.Record{Seq: from + i, Received: 1_700_000_000_000_000_000 + int64(from+i), Raw: raw})
		}
		return g
	}
	if n == 1 {
		return []queue.Group{group(seq, 1)}
	}
	return []queue.Group{group(seq, n/2), group(seq+uint64(n/2), n-n/2)}
}

// Read returns the records from an offset on, flat and in order, until it has
// those before the offset to. Gaps and other errors end it.
func Read(ctx context.Context, q queue.Queue, from, to queue.Offset) ([]queue.Record, error) {
	var all []queue.Record
	for b, err := range q.Batches(ctx, from) {
		if err != nil {
			return all, err
		}
		n := 0
		for i := range b.Groups {
			all = append(all, b.Groups[i].Records...)
			n += len(b.Groups[i].Records)
		}
		if b.Next != b.First+queue.Offset(n) {
			return all, fmt.Errorf("batch says %d to %d and holds %d records", b.First, b.Next, n)
		}
		if from > 1 && b.First != from {
			return all, fmt.Errorf("batch begins at %d, want %d", b.First, from)
		}
		if from = b.Next; from >= to {
			return all, nil
		}
	}
	return all, ctx.Err()
}

type checker struct {
	t    *testing.T
	open func() queue.Queue
}

func (c *checker) ctx() context.Context {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	c.t.Cleanup(cancel)
	return ctx
}

func (c *checker) append(q queue.Queue, groups []queue.Group, want queue.Offset) {
	c.t.Helper()
	got, err := q.Append(c.ctx(), groups)
	if err != nil || got != want {
		c.t.Fatalf("append = %d, %v, want %d", got, err, want)
	}
}

func (c *checker) expect(q queue.Queue, from, to queue.Offset, want ...queue.Group) {
	c.t.Helper()
	got, err := Read(c.ctx(), q, from, to)
	if err != nil {
		c.t.Fatalf("read from %d: %v", from, err)
	}
	var records []queue.Record
	for i := range want {
		records = append(records, want[i].Records...)
	}
	if diff := cmp.Diff(records, got, cmp.Comparer(bytes.Equal)); diff != "" {
		c.t.Errorf("read from %d (-want +got):\n%s", from, diff)
	}
}

func (c *checker) close(q queue.Queue) {
	c.t.Helper()
	if err := q.Close(); err != nil {
		c.t.Errorf("close: %v", err)
	}
}

func order(_ *testing.T, c *checker) {
	q := c.open()
	defer c.close(q)
	a, b, e := Records("a", 1, 3, 20), Records("b", 1, 1, 20), Records("a", 4, 10, 20)
	c.append(q, a, 1)
	c.append(q, b, 4)
	c.append(q, e, 5)
	all := append(append(append([]queue.Group(nil), a...), b...), e...)
	c.expect(q, 0, 15, all...)
	c.expect(q, 1, 15, all...)
}

func oddRecords(t *testing.T, c *checker) {
	q := c.open()
	odd := []queue.Group{
		{Records: []queue.Record{{}}},
		{
			Source: "\x00\xff", Format: "auto", Peer: "2001:db8::1", Header: "#Fields: a b\r\n", Parser: math.MaxUint32,
			Epoch: queue.Epoch{0xff, 15: 0xff},
			Records: []queue.Record{
				{ID: "\xc3\x28", Seq: math.MaxUint64, Received: math.MinInt64, Raw: []byte("\x00\r\n\xff")},
				{ID: "", Seq: 0, Received: math.MaxInt64, Raw: make([]byte, 1<<20), Cut: true},
			},
		},
	}
	c.append(q, odd, 1)
	c.close(q)
	q = c.open()
	defer c.close(q)
	for b, err := range q.Batches(c.ctx(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(odd, b.Groups, cmp.Comparer(bytes.Equal)); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
		return
	}
	t.Error("no batch")
}

func middle(_ *testing.T, c *checker) {
	q := c.open()
	groups := Records("a", 1, 10, 50)
	c.append(q, groups, 1)
	check := func() {
		for from := queue.Offset(2); from <= 10; from++ {
			var want []queue.Record
			for i := range groups {
				want = append(want, groups[i].Records...)
			}
			c.expect(q, from, 11, queue.Group{Records: want[from-1:]})
		}
	}
	check()
	c.close(q)
	q = c.open()
	defer c.close(q)
	check()
}

func concurrent(t *testing.T, c *checker) {
	q := c.open()
	const producers, appends, size = 8, 20, 5
	g, ctx := errgroup.WithContext(c.ctx())
	for p := range producers {
		g.Go(func() error {
			var last queue.Offset
			for i := range appends {
				at, err := q.Append(ctx, Records(fmt.Sprint(p), uint64(i*size), size, 30))
				if err != nil {
					return err
				}
				if at <= last {
					return fmt.Errorf("append returned %d after %d", at, last)
				}
				last = at
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	c.close(q)
	q = c.open()
	defer c.close(q)
	next := map[string]uint64{}
	for b, err := range q.Batches(c.ctx(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range b.Groups {
			for _, r := range g.Records {
				if r.Seq != next[g.Source] {
					t.Fatalf("source %s: record %d after %d", g.Source, r.Seq, next[g.Source])
				}
				next[g.Source]++
			}
		}
		if b.Next > producers*appends*size {
			break
		}
	}
	if len(next) != producers {
		t.Errorf("read %d sources, want %d", len(next), producers)
	}
}

func waitingReader(t *testing.T, c *checker) {
	q := c.open()
	defer c.close(q)
	const n = 50
	var g errgroup.Group
	g.Go(func() error {
		got, err := Read(c.ctx(), q, 0, n+1)
		if err == nil && len(got) != n {
			err = fmt.Errorf("read %d records, want %d", len(got), n)
		}
		return err
	})
	for i := range n {
		c.append(q, Records("a", uint64(i), 1, 10), queue.Offset(i+1))
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func twoReaders(_ *testing.T, c *checker) {
	q := c.open()
	defer c.close(q)
	a := Records("a", 1, 4, 10)
	c.append(q, a, 1)
	c.expect(q, 1, 5, a...)
	c.expect(q, 1, 5, a...)
}

func reopen(_ *testing.T, c *checker) {
	q := c.open()
	a, b := Records("a", 1, 4, 10), Records("a", 5, 2, 10)
	c.append(q, a, 1)
	c.close(q)
	q = c.open()
	c.append(q, b, 5)
	c.expect(q, 1, 7, append(append([]queue.Group(nil), a...), b...)...)
	c.close(q)
	q = c.open()
	defer c.close(q)
	c.expect(q, 5, 7, b...)
}

func commit(t *testing.T, c *checker) {
	q := c.open()
	c.append(q, Records("a", 1, 9, 10), 1)
	f := func(consumer string, next queue.Offset) {
		t.Helper()
		if err := q.Commit(c.ctx(), consumer, next); err != nil {
			t.Errorf("commit %s: %v", consumer, err)
		}
	}
	f("store", 3)
	f("store", 5)
	f("detect", 10)
	check := func(consumer string, want queue.Offset) {
		t.Helper()
		if got := q.Committed(consumer); got != want {
			t.Errorf("committed %s = %d, want %d", consumer, got, want)
		}
	}
	check("store", 5)
	c.close(q)
	q = c.open()
	defer c.close(q)
	check("store", 5)
	check("detect", 10)
	check("nobody", 0)
	if err := q.Commit(c.ctx(), "store", 11); err == nil {
		t.Error("commit beyond the end of the log was accepted")
	}
	c.append(q, Records("a", 10, 1, 10), 10)
}

func closed(t *testing.T, c *checker) {
	q := c.open()
	c.append(q, Records("a", 1, 1, 10), 1)
	var g errgroup.Group
	reading := make(chan struct{})
	g.Go(func() error {
		first := true
		for _, err := range q.Batches(c.ctx(), 0) {
			if err != nil {
				return err
			}
			if first {
				close(reading)
			}
			first = false
		}
		return nil
	})
	<-reading
	c.close(q)
	if err := g.Wait(); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("reader ended with %v, want %v", err, queue.ErrClosed)
	}
	if _, err := q.Append(c.ctx(), Records("a", 2, 1, 10)); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("append after close = %v, want %v", err, queue.ErrClosed)
	}
	if err := q.Commit(c.ctx(), "store", 1); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("commit after close = %v, want %v", err, queue.ErrClosed)
	}
	c.close(q)
}

func contextEnds(t *testing.T, c *checker) {
	q := c.open()
	defer c.close(q)
	ctx, cancel := context.WithCancel(c.ctx())
	cancel()
	if _, err := q.Append(ctx, Records("a", 1, 1, 10)); !errors.Is(err, context.Canceled) {
		t.Errorf("append with an ended context = %v", err)
	}
	for _, err := range q.Batches(ctx, 0) {
		t.Errorf("reader with an ended context yields %v", err)
	}
	c.append(q, Records("a", 1, 1, 10), 1)
	ctx, cancel = context.WithCancel(c.ctx())
	for b, err := range q.Batches(ctx, 0) {
		if err != nil || b.First != 1 {
			t.Errorf("batch = %d, %v", b.First, err)
		}
		cancel()
	}
	cancel()
}

func noRecords(t *testing.T, c *checker) {
	q := c.open()
	defer c.close(q)
	if _, err := q.Append(c.ctx(), nil); err != nil {
		t.Errorf("append of nothing: %v", err)
	}
	if _, err := q.Append(c.ctx(), []queue.Group{{Source: "a"}}); err != nil {
		t.Errorf("append of an empty group: %v", err)
	}
	c.append(q, Records("a", 1, 1, 10), 1)
}

// memory checks that the memory of raw bytes may be used again after an append.
func memory(t *testing.T, c *checker) {
	q := c.open()
	text := []byte("first second")
	g := queue.Group{Source: "a", Format: "json", Records: []queue.Record{{Seq: 1, Raw: text[:5]}, {Seq: 2, Raw: text[6:]}}}
	c.append(q, []queue.Group{g}, 1)
	copy(text, "XXXXXXXXXXXX")
	got, err := Read(c.ctx(), q, 1, 3)
	if err != nil || len(got) != 2 || string(got[0].Raw) != "first" || string(got[1].Raw) != "second" {
		t.Errorf("records are not those that were appended: %d, %v", len(got), err)
	}
	for i, want := range []string{"first", "second"} {
		if raw := string(g.Records[i].Raw); raw != want {
			t.Errorf("record %d of the caller is %q, want %q", i, raw, want)
		}
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}
