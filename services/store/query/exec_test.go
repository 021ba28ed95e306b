package query

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// randomRows makes rows with few different values, absent ones and lists.
func randomRows(r *rand.Rand, n int) []Row {
	keys := []event.Key{event.Intern("a"), event.Intern("b"), event.Intern("c")}
	rows := make([]Row, n)
	for i := range rows {
		e := &event.Event{Time: int64(r.IntN(1e4)) * int64(time.Second), ID: fmt.Sprint("e", i)}
		for _, k := range keys {
			for range r.IntN(3) {
				switch r.IntN(3) {
				case 0:
					e.AddInt(k, int64(r.IntN(5)))
				case 1:
					e.AddText(k, string(rune('A'+r.IntN(4)))+strings.Repeat("x", r.IntN(2)))
				case 2:
					e.Add(k, event.Float(float64(r.IntN(8))/4))
				}
			}
		}
		rows[i] = EventRow{e}
	}
	return rows
}

func mustParse(t testing.TB, text string) *Query {
	t.Helper()
	q, err := Parse(text, time.Unix(1e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestMerge demands the same answer from one execution, from several that are
// merged, and from rows that are added with a count.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	f := func(text string) {
		t.Helper()
		q := mustParse(t, text)
		for range 20 {
			rows := randomRows(r, 1+r.IntN(300))
			b := NewBudget(0, 0)
			all, counted := NewExec(q, b), NewExec(q, b)
			parts := []*Exec{NewExec(q, b), NewExec(q, b), NewExec(q, b)}
			for i, row := range rows {
				times := r.IntN(4)
				add := []error{all.Add(row), parts[i%3].Add(row), counted.AddN(row, int64(times)+1)}
				for range times {
					add = append(add, all.Add(row), parts[r.IntN(3)].Add(row))
				}
				if err := errors.Join(add...); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(parts[1].Merge(parts[2]), parts[0].Merge(parts[1])); err != nil {
				t.Fatal(err)
			}
			want := result(t, all)
			if diff := cmp.Diff(want, result(t, parts[0])); diff != "" {
				t.Fatalf("%s merged (-want +got):\n%s", text, diff)
			}
			if diff := cmp.Diff(want, result(t, counted)); diff != "" {
				t.Fatalf("%s counted (-want +got):\n%s", text, diff)
			}
		}
	}
	f("* | stats count(), count(a), sum(a), avg(b), min(a), max(b), percentile(c, 50), count_distinct(b)")
	f("* | stats n = count(), s = sum(c), lo = min(c), d = count_distinct(c) by a, b")
	f("* | stats n = count() by bucket(@timestamp, 1h), bucket(c, 2) | sort n desc | limit 5")
	f("* | where a: * | top 2 a by b | where count > 1")
	f("* | stats n = count() by a, b | stats m = max(n), g = count() by b | sort m")
}

func result(t testing.TB, x *Exec) string {
	t.Helper()
	table, err := x.Result(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintln(&b, table.Columns)
	for _, row := range table.Rows {
		for _, v := range row {
			fmt.Fprintf(&b, "%v(%s) ", v.Kind(), v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestSortLimit compares a sort that keeps the first rows only with a full one.
func TestSortLimit(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 5 {
		rows := randomRows(r, 5000)
		order := func(text string) []uint64 {
			var refs []uint64
			s := NewSearch(mustParse(t, text), NewBudget(0, 0), func(ref uint64) bool {
				refs = append(refs, ref)
				return true
			})
			if !s.Sorted() {
				t.Fatal("not sorted")
			}
			for i, row := range rows {
				if _, err := s.Add(row, uint64(i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			return refs
		}
		all := order("* | sort a desc, b")
		if len(all) != len(rows) {
			t.Fatalf("%d of %d rows", len(all), len(rows))
		}
		for _, n := range []int{0, 1, 10, 700, 6000} {
			got := order(fmt.Sprintf("* | sort a desc, b | limit %d", n))
			if diff := cmp.Diff(all[:min(n, len(all))], got, cmp.Transformer("len", func(s []uint64) []uint64 { return append([]uint64{}, s...) })); diff != "" && len(got)+n > 0 {
				t.Fatalf("limit %d (-want +got):\n%s", n, diff)
			}
		}
	}
}

// TestBudget demands that no query holds more than it may, whatever comes in.
func TestBudget(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		q := mustParse(t, text)
		b := NewBudget(1<<20, 1000)
		var add func(row Row) error
		var end func() error
		if q.IsAggregation() {
			x := NewExec(q, b)
			add = x.Add
			end = func() error { _, err := x.Result(context.Background()); return err }
		} else {
			s := NewSearch(q, b, func(uint64) bool { return true })
			add = func(row Row) error { _, err := s.Add(row, 0); return err }
			end = func() error { return s.Close(context.Background()) }
		}
		var err error
		for i := 0; i < 40_000 && err == nil; i++ {
			e := &event.Event{ID: fmt.Sprint(i), Time: int64(i)}
			e.AddText(event.URLPath, strings.Repeat("x", 100)+fmt.Sprint(i))
			e.AddInt(event.SourcePort, int64(i))
			e.AddText(event.HostName, fmt.Sprint(i%10))
			err = add(EventRow{e})
		}
		if err == nil {
			err = end()
		}
		var limit *LimitError
		switch {
		case want == "" && err != nil, want != "" && (!errors.As(err, &limit) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
		if used := b.Used(); used > 2<<20 {
			t.Errorf("%s: holds %d bytes", text, used)
		}
	}
	f("* | stats count() by event.id", "more than 1000 groups")
	f("* | stats count() by host.name", "")
	f("* | stats count_distinct(url.path), count_distinct(event.id), count_distinct(source.port), count_distinct(@timestamp) by host.name", "more than 1 MiB")
	f("* | stats percentile(source.port, 50) by host.name", "")
	f("* | sort url.path", "more than 1 MiB")
	f("* | sort url.path | limit 100", "")
	f("* | dedup url.path", "more than 1 MiB")
	f("* | dedup host.name | sort url.path", "")
	f("* | stats a = max(url.path), b = min(url.path) by host.name", "")
}

func TestCombinations(t *testing.T) {
	q := mustParse(t, "* | stats count() by a, b")
	e := &event.Event{}
	for i := range 300 {
		e.AddInt(event.Intern("a"), int64(i))
		e.AddInt(event.Intern("b"), int64(i))
	}
	err := NewExec(q, NewBudget(0, 0)).Add(EventRow{e})
	if err == nil || !strings.Contains(err.Error(), "one event belongs to more than 65536 groups") {
		t.Errorf("got %v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x := NewExec(mustParse(t, "* | stats count() by a"), NewBudget(0, 0))
	for _, row := range randomRows(rand.New(rand.NewPCG(1, 1)), 10) {
		if err := x.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.Result(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestMore(t *testing.T) {
	s := NewSearch(mustParse(t, "* | limit 2"), NewBudget(0, 0), func(uint64) bool { return true })
	row := EventRow{&event.Event{}}
	var got []bool
	for range 3 {
		more, err := s.Add(row, 0)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, more)
	}
	if diff := cmp.Diff([]bool{true, false, false}, got); diff != "" {
		t.Error(diff)
	}
	x := NewExec(mustParse(t, "* | limit 1 | stats count()"), NewBudget(0, 0))
	if err := x.Add(row); err != nil || x.More() {
		t.Errorf("%v, more %t", err, x.More())
	}
}

// TestRetention demands that answers share no memory with the rows they come
// from, which change as soon as they were added.
func TestRetention(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		x := NewExec(mustParse(t, text), NewBudget(0, 0))
		var e event.Event
		for i := range 3 {
			e.Reset()
			e.AddText(event.HostName, e.Copy([]byte{'a' + byte(i)}))
			e.AddIP(event.SourceIP, fmt.Sprintf("2001:db8::%d", i+1))
			if err := x.Add(EventRow{&e}); err != nil {
				t.Fatal(err)
			}
		}
		e.Reset()
		e.Copy([]byte(strings.Repeat("?", 100)))
		table, err := x.Result(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(table.Rows); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	f("* | stats min(host.name), max(source.ip)", "[[a 2001:db8::3]]")
	f("* | stats count() by host.name, source.ip", "[[a 2001:db8::1 1] [b 2001:db8::2 1] [c 2001:db8::3 1]]")
	f("* | sort host.name desc | limit 2 | stats count() by host.name", "[[b 1] [c 1]]")
}
