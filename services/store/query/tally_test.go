package query

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

func TestTallyIsExactForFewValues(t *testing.T) {
	var c Tally
	for i := range 1000 {
		c.Add(event.String(fmt.Sprint("v", i%7)), 1)
	}
	c.Add(event.Int(1), 500)
	c.Add(event.Float(1), 1)
	c.Add(event.Value{}, 9)
	var got []string
	for _, v := range c.Top(3) {
		got = append(got, fmt.Sprint(v.Value.String(), "=", v.Count))
	}
	if diff := cmp.Diff([]string{"1=501", "v0=143", "v1=143"}, got); diff != "" {
		t.Error(diff)
	}
	if n, exact := c.Distinct(); n != 8 || !exact || c.Short() != 0 || c.Total() != 1501 {
		t.Errorf("distinct %d, exact %v, short %d, total %d", n, exact, c.Short(), c.Total())
	}
	if got := c.Top(-1); len(got) != 0 {
		t.Errorf("Top(-1) gives %v", got)
	}
}

// TestTallyBoundsItsError counts more values than there is room for, among them
// some that are frequent.
func TestTallyBoundsItsError(t *testing.T) {
	var c Tally
	want := map[string]int64{}
	for i := range 200_000 {
		v := fmt.Sprint("rare", i)
		if i%10 == 0 {
			v = fmt.Sprint("often", i%30)
		}
		want[v]++
		c.Add(event.String(v), 1)
	}
	if len(c.counts) > tallyValues || c.Short() == 0 {
		t.Errorf("%d values are kept, short %d", len(c.counts), c.Short())
	}
	for _, v := range c.Top(3) {
		n := want[v.Value.Text()]
		if !strings.HasPrefix(v.Value.Text(), "often") || v.Count > n || v.Count+c.Short() < n {
			t.Errorf("%s: %d, short %d, want %d", v.Value, v.Count, c.Short(), n)
		}
	}
	if n, exact := c.Distinct(); exact || n < 176_000 || n > 184_000 {
		t.Errorf("%d distinct values, exact %v", n, exact)
	}
}

func TestTallyCutsLongTexts(t *testing.T) {
	f := func(in, want string, cut bool) {
		t.Helper()
		var c Tally
		c.Add(event.String(in), 1)
		if got := c.Top(1)[0]; got.Value.Text() != want || got.Cut != cut {
			t.Errorf("%q: %q, cut %v", in, got.Value.Text(), got.Cut)
		}
	}
	x := strings.Repeat("x", tallyText)
	f(x, x, false)
	f(x+"y", x, true)
	f(x[1:]+"中", x[1:], true)
	f(x[3:]+"中", x[3:]+"中", false)
	f(x[3:]+"中y", x[3:]+"中", true)
}
