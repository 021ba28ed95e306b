package sigma

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/google/go-cmp/cmp"
)

// correlations parses a file and links what is in it.
func correlations(t testing.TB, text string) (*Set, *Links) {
	t.Helper()
	var s Set
	s.Add(Parse("test.yml", []byte(text)))
	if len(s.Errors) > 0 {
		t.Fatal(s.Errors[0])
	}
	links, errs := Link(s.Rules, s.Correlations)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return &s, links
}

// base is a rule that is named after the value of ev that it wants.
func base(name string) string {
	return fmt.Sprintf("title: base %s\nname: %s\nlogsource: {category: test}\ndetection: {s: {ev: %s}, condition: s}\n---\n", name, name, name)
}

// correlation is a document of the members of its correlation section.
func correlation(name, members string) string {
	return fmt.Sprintf("title: %s\nname: %s\ncorrelation:\n  %s\n---\n", name, name, strings.ReplaceAll(strings.TrimSpace(members), "\n", "\n  "))
}

// stream feeds events of the form "second ev field=value …" and returns what
// fires as "second title values".
func stream(t testing.TB, s *Set, c *Correlator, lines string) []string {
	t.Helper()
	var fired []string
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		words := strings.Fields(line)
		sec, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		e := &event.Event{Time: 1_700_000_000_000_000_000 + int64(sec*1e9)}
		for _, w := range words[2:] {
			k, v, _ := strings.Cut(w, "=")
			if n, err := strconv.ParseInt(v, 10, 64); err == nil {
				e.AddInt(event.Intern(k), n)
			} else {
				e.Add(event.Intern(k), event.String(v))
			}
		}
		c.Observe(e, matching(s, words[1]), func(f *Firing) {
			fired = append(fired, strings.TrimSpace(words[0]+" "+f.Correlation.Title+" "+strings.Join(f.Values, ",")))
		})
	}
	return fired
}

// matching returns the rules whose names are given, with + between them.
func matching(s *Set, names string) []Match {
	var list []Match
	for _, n := range strings.Split(names, "+") {
		for i, r := range s.Rules {
			if r.Name == n {
				list = append(list, Match{Rule: r, Index: i})
			}
		}
	}
	return list
}

func TestCorrelate(t *testing.T) {
	f := func(name, rules, lines string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			s, links := correlations(t, base("a")+base("b")+base("c")+rules)
			got := stream(t, s, NewCorrelator(links, CorrelatorConfig{}), lines)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	count := correlation("X", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {gte: 3}")
	f("count slides", count, "0 a user=x\n30 a user=x\n59 a user=y\n60 a user=x", "60 X x")
	f("count expires", count, "0 a user=x\n30 a user=x\n60.5 a user=x")
	f("count fires once a timespan", count, "0 a user=x\n1 a user=x\n2 a user=x\n3 a user=x\n61 a user=x\n62 a user=x\n63 a user=x\n64 a user=x",
		"2 X x", "62 X x")
	f("out of order", count, "30 a user=x\n20 a user=x\n25 a user=x", "25 X x")
	f("late event completes a newer window", count, "50 a user=x\n100 a user=x\n45 a user=x", "45 X x")
	f("too late", count, "1000 a user=x\n1001 a user=x\n600 a user=x\n601 a user=x\n602 a user=x")
	f("no group", count, "0 a\n1 a\n2 a")
	f("number and text are one group", count, "0 a user=7\n1 a user=7\n2 a user=7", "2 X 7")
	f("range", correlation("X", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {gt: 1, lt: 3}"),
		"0 a user=x\n1 a user=x\n2 a user=x", "1 X x")
	f("neq", correlation("X", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {neq: 1}"), "0 a\n1 a", "1 X")
	f("one event of two rules counts once", correlation("X", "type: event_count\nrules: [a, b]\ntimespan: 1m\ncondition: {gte: 2}"),
		"0 a+b\n1 b", "1 X")
	f("values", correlation("X", "type: value_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {field: dst, gte: 2}"),
		"0 a user=x dst=1\n1 a user=x dst=1\n2 a user=x\n3 a user=y dst=2\n4 a user=x dst=1\n62 a user=x dst=2\n63 a user=x dst=1", "62 X x")
	f("values of several fields", correlation("X", "type: value_count\nrules: [a]\ntimespan: 1m\ncondition: {field: [dst, port], gte: 3}"),
		"0 a dst=1 port=1\n1 a dst=1 port=2\n2 a dst=1\n3 a dst=1 port=2\n4 a dst=11 port=2", "4 X")
	f("sum", correlation("X", "type: value_sum\nrules: [a]\ntimespan: 1m\ncondition: {field: n, gt: 10}"),
		"0 a n=6\n1 a n=x\n2 a\n61 a n=5\n62 a n=6", "62 X")
	f("average", correlation("X", "type: value_avg\nrules: [a]\ntimespan: 1m\ncondition: {field: n, gte: 5}"), "0 a n=1\n1 a n=8\n2 a n=6", "2 X")
	f("median", correlation("X", "type: value_median\nrules: [a]\ntimespan: 1m\ncondition: {field: n, gte: 5}"), "0 a n=1\n1 a n=2\n2 a n=9\n3 a n=8", "3 X")
	f("percentile", correlation("X", "type: value_percentile\nrules: [a]\ntimespan: 1m\ncondition: {field: n, percentile: 90, lt: 9}"),
		"0 a n=10\n1 a n=1\n2 a n=1", "2 X")
	f("temporal", correlation("X", "type: temporal\nrules: [a, b]\ngroup-by: [user]\ntimespan: 1m"),
		"0 b user=x\n1 b user=x\n2 a user=y\n60 a user=x", "60 X x")
	f("temporal with a count", correlation("X", "type: temporal\nrules: [a, b, c]\ntimespan: 1m\ncondition: {gte: 2}"), "0 c\n1 c\n2 a", "2 X")
	f("temporal with an expression", correlation("X", "type: temporal\nrules: [a, b, c]\ntimespan: 1m\ncondition: a and (b or not c)"),
		"0 c\n1 a\n2 b", "2 X")
	f("ordered", correlation("X", "type: temporal_ordered\nrules: [a, b, c]\ntimespan: 1m"), "0 b\n1 a\n2 c\n3 b\n4 a\n5 c", "5 X")
	f("ordered out of order", correlation("X", "type: temporal_ordered\nrules: [a, b, c]\ntimespan: 1m"), "3 c\n1 a\n2 b", "2 X")
	f("ordered twice the same", correlation("X", "type: temporal_ordered\nrules: [a, b, a]\ntimespan: 1m"), "0 a\n1 a\n2 b\n3 a", "3 X")
	f("alias", correlation("X", "type: temporal\nrules: [a, b]\ngroup-by: [ip]\ntimespan: 1m\naliases: {ip: {a: dst, b: src}}"),
		"0 a dst=1 src=2\n1 b dst=1 src=2\n2 b src=1", "2 X 1")
	inner := correlation("I", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10m\ncondition: {gte: 2}")
	f("chain", inner+correlation("X", "type: temporal_ordered\nrules: [I, b]\ngroup-by: [user]\ntimespan: 1m"),
		"0 a user=x\n1 a user=x\n300 a user=x\n301 b user=y\n302 b user=x", "302 X x")
	f("chain with generate", correlation("X", "type: temporal_ordered\nrules: [I, b]\ngroup-by: [user]\ntimespan: 1m\ngenerate: true")+inner,
		"0 a user=x\n1 a user=x\n2 b user=x", "1 I x", "2 X x")
	f("chain over an alias", correlation("I", "type: event_count\nrules: [a]\ngroup-by: [who]\ntimespan: 10m\ncondition: {gte: 2}\naliases: {who: {a: user}}")+
		correlation("X", "type: temporal\nrules: [I, b]\ngroup-by: [who]\ntimespan: 1m"),
		"0 a user=x\n1 a user=x\n2 b who=x", "2 X x")
	f("two groups by fields", correlation("X", "type: event_count\nrules: [a]\ngroup-by: [user, host]\ntimespan: 1m\ncondition: {gte: 2}"),
		"0 a user=x host=h\n1 a user=xh host=\n2 a user=x host=i\n3 a user=x host=h", "3 X x,h")
	f("a list is in several groups", count, "0 a user=x\n1 a user=x user=y\n2 a user=y user=x\n3 a user=y", "2 X x", "3 X y")
}

func TestCorrelateClock(t *testing.T) {
	s, links := correlations(t, base("a")+correlation("X", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2}"))
	c := NewCorrelator(links, CorrelatorConfig{Lateness: time.Second})
	const start = int64(1_700_000_000_000_000_000)
	f := func(eventTime, received int64, want bool) {
		t.Helper()
		e := &event.Event{Time: start + eventTime*1e9, Received: start + received*1e9}
		got := false
		c.Observe(e, matching(s, "a"), func(*Firing) { got = true })
		if got != want {
			t.Errorf("event of %d received at %d: fired %v", eventTime, received, got)
		}
	}
	f(1<<32, 0, false) // a clock that is ahead counts as the time of receipt
	f(1, 1, true)
	f(100, 100, false)
	f(101, 500, false) // the group was given up meanwhile
	f(102, 501, true)
}

func TestLinkErrors(t *testing.T) {
	f := func(rules, want string) {
		t.Helper()
		var s Set
		s.Add(Parse("f.yml", []byte(base("a")+rules)))
		_, errs := Link(s.Rules, s.Correlations)
		var got []string
		for _, e := range errs {
			got = append(got, e.Error())
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	count := func(name, rules string) string {
		return correlation(name, "type: event_count\nrules: "+rules+"\ntimespan: 1m\ncondition: {gte: 2}")
	}
	f(count("X", "[a]"), "")
	f(count("X", "[a, b]"), `f.yml:10:14: rule "b" is not among the rules`)
	f(count("X", "[X]"), `f.yml:10:11: correlation refers to itself through "X"`)
	f(count("X", "[Y]")+count("Y", "[X]"), "f.yml:18:11: correlation refers to itself through \"X\"\nf.yml:10:11: correlation \"Y\" is rejected")
	f(base("a")+count("X", "[a]"), `f.yml:15:11: "a" names several rules`)
	f(correlation("X", "type: temporal\nrules: [a]\ntimespan: 1m\naliases: {n: {b: x}}"), `f.yml:12:13: alias "n" is given for "b", which is not among the rules of the correlation`)
}

func TestLinkSilent(t *testing.T) {
	members := "type: event_count\nrules: [%s]\ntimespan: 1m\ncondition: {gte: 2}\ngenerate: %s"
	_, links := correlations(t, base("a")+base("b")+base("c")+correlation("X", fmt.Sprintf(members, "a", "false"))+
		correlation("Y", fmt.Sprintf(members, "b", "true"))+correlation("Z", fmt.Sprintf(members, "b", "false")))
	if got := []bool{links.Silent(0), links.Silent(1), links.Silent(2)}; !slices.Equal(got, []bool{true, false, false}) {
		t.Error(got)
	}
}

func TestCorrelatorGroups(t *testing.T) {
	s, links := correlations(t, base("a")+correlation("X", "type: value_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {field: n, gte: 2}"))
	c := NewCorrelator(links, CorrelatorConfig{Lateness: time.Minute})
	stream(t, s, c, "0 a user=x n=1\n1 a user=y n=1\n2 a user=x n=2\n3 a user=z n=1\n100 a user=x n=1\n121.5 a user=x n=1")
	var got []string
	for g := range c.Groups(links.Correlations()[0], 0) {
		got = append(got, fmt.Sprint(g.Values, g.Value, g.Holds, g.Entries, (g.Last-g.First)/1e9, g.Fired > 0))
	}
	want := []string{"[x] 1 false 4 21 true", "[z] 1 false 1 0 false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCorrelatorMemory floods one correlation with groups: another keeps its own,
// and the memory stays within its bound.
func TestCorrelatorMemory(t *testing.T) {
	count := "type: event_count\nrules: [%s]\ngroup-by: [user]\ntimespan: 1h\ncondition: {gte: 2}"
	s, links := correlations(t, base("a")+base("b")+correlation("X", fmt.Sprintf(count, "a"))+correlation("Y", fmt.Sprintf(count, "b")))
	c := NewCorrelator(links, CorrelatorConfig{MaxBytes: 100 << 10})
	stream(t, s, c, "0 b user=quiet")
	const flood = 20000
	for i := range flood {
		stream(t, s, c, fmt.Sprintf("%d a user=u%d", i/10, i))
		if got := c.Stats().Bytes; got > 100<<10 {
			t.Fatalf("%d bytes", got)
		}
	}
	st := c.Stats()
	if st.Evicted == 0 || st.Groups+int(st.Evicted) != flood+1 {
		t.Errorf("%+v", st)
	}
	if got := stream(t, s, c, "2000 b user=quiet"); len(got) != 1 {
		t.Error("quiet group is lost")
	}
	sum := int64(0)
	for i := range c.groups.lists {
		for n := c.groups.lists[i].oldest; n != 0; n = c.groups.at(n - 1).newer {
			sum += c.groups.at(n - 1).bytes()
		}
	}
	if sum != c.groups.bytes {
		t.Errorf("%d bytes accounted, %d held", c.groups.bytes, sum)
	}
}

func TestPercentileSelect(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c := new(Correlator)
	for range 2000 {
		var window []entry
		var sorted []float64
		for range 1 + rnd.IntN(40) {
			x := (rnd.Float64() - 0.5) * math.Pow(10, float64(rnd.IntN(40)-20))
			if rnd.IntN(3) == 0 {
				x = float64(rnd.IntN(5) - 2)
			}
			window = append(window, entry{0, math.Float64bits(x)})
			sorted = append(sorted, x)
		}
		sort.Float64s(sorted)
		for n, want := range sorted {
			if got := c.nth(window, n); got != want {
				t.Fatalf("rank %d of %v is %v", n, sorted, got)
			}
		}
	}
}

// TestCorrelatorReload adds a correlation and changes another: the groups of the
// third go on.
func TestCorrelatorReload(t *testing.T) {
	count := func(name string, gte int) string {
		return correlation(name, fmt.Sprintf("type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {gte: %d}", gte))
	}
	s, links := correlations(t, base("a")+count("stays", 3)+count("changes", 4))
	old := NewCorrelator(links, CorrelatorConfig{})
	stream(t, s, old, "0 a user=x\n1 a user=x")
	s, links = correlations(t, base("b")+base("a")+count("new", 2)+count("changes", 2)+count("stays", 3))
	c := NewCorrelator(links, CorrelatorConfig{})
	if dropped, err := c.Restore(old.AppendSnapshot(nil)); dropped != 1 || err != nil {
		t.Fatal(dropped, err)
	}
	if diff := cmp.Diff([]string{"2 stays x"}, stream(t, s, c, "2 a user=x")); diff != "" {
		t.Error(diff)
	}
}

func TestCorrelatorCut(t *testing.T) {
	s, links := correlations(t, base("a")+correlation("X", "type: value_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1m\ncondition: {field: v, gte: 64}"))
	c := NewCorrelator(links, CorrelatorConfig{})
	line := "0 a"
	for i := range maxGroups + 1 {
		line += fmt.Sprint(" user=u", i)
	}
	for i := range maxMeasured {
		line += fmt.Sprint(" v=", i)
	}
	if got := stream(t, s, c, line); len(got) != maxGroups || c.Stats().Cut != 1 {
		t.Error(len(got), c.Stats().Cut)
	}
	if stream(t, s, c, line+" v=x"); c.Stats().Cut != 3 {
		t.Error(c.Stats().Cut)
	}
}

// TestGroupTable compares the table with a map.
func TestGroupTable(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	var gt groupTable
	gt.init(&Links{list: []*linked{{}, {}}})
	want := map[string]uint32{}
	for range 20000 {
		key := []byte{byte(rnd.IntN(200))}
		corr := int32(rnd.IntN(2))
		hash := uint64(key[0] % 16) // few places, so that they meet
		name := fmt.Sprintf("%d %x", corr, key)
		n, ok := gt.find(corr, hash, key)
		if w, there := want[name]; ok != there || ok && n != w {
			t.Fatalf("%s: found %v %d, want %v %d", name, ok, n, there, w)
		}
		switch {
		case !ok:
			want[name] = gt.add(corr, hash, key)
		case rnd.IntN(2) == 0:
			gt.remove(n)
			delete(want, name)
		default:
			gt.touch(n, 0)
		}
		if gt.live != len(want) {
			t.Fatal(gt.live, len(want))
		}
	}
	for i := range gt.lists {
		n := 0
		for g := gt.lists[i].newest; g != 0; g = gt.at(g - 1).older {
			n++
		}
		if n != gt.lists[i].live || n == 0 {
			t.Error(n, gt.lists[i].live)
		}
	}
}
