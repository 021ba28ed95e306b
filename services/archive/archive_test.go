package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/storetest"
	"github.com/gatewatch/gatewatch/services/vault"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// of yields events.
func of(events []*event.Event) func(func(*event.Event) error) error {
	return func(yield func(*event.Event) error) error {
		for _, e := range events {
			if err := yield(e); err != nil {
				return err
			}
		}
		return nil
	}
}

func mustCreate(t *testing.T, dir string, o Options, events []*event.Event) *Manifest {
	t.Helper()
	o.Now = noon
	m, err := Create(t.Context(), dir, o, of(events))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// readAll reads the events of an archive.
func readAll(t *testing.T, m *Manifest, keys *vault.Ring) []*event.Event {
	t.Helper()
	var all []*event.Event
	for i := range m.Files {
		p, err := m.openFile(&m.Files[i], keys)
		if err != nil {
			t.Fatal(err)
		}
		for g := range m.Files[i].Groups {
			if err := p.each(g, nil, func(e *event.Event) error {
				all = append(all, e.Clone())
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		p.close()
	}
	return all
}

// text is an event as lines, in the order of its fields' names.
func text(e *event.Event) string {
	lines := []string{fmt.Sprintf("%d %d %q %q %q %q", e.Time, e.Received, e.ID, e.Source, e.Dataset, e.Raw)}
	var fields []string
	for i, f := range e.Fields() {
		if f.Value.Kind() != event.KindNone {
			list := f.Value.IsList() || moreValues(e, i)
			fields = append(fields, fmt.Sprintf("%q %s %q %v", f.Key, f.Value.Kind(), f.Value, list))
		}
	}
	slices.SortStableFunc(fields, func(a, b string) int { return strings.Compare(name(a), name(b)) })
	return strings.Join(append(lines, fields...), "\n")
}

func name(line string) string {
	n, _, _ := strings.Cut(line, " ")
	return n
}

func moreValues(e *event.Event, i int) bool {
	for j, f := range e.Fields() {
		if j != i && f.Key.Is(e.Fields()[i].Key) {
			return true
		}
	}
	return false
}

// randomEvent has fields that have a column and such that have none, with values
// that fit and such that don't.
func randomEvent(r *rand.Rand, n int) *event.Event {
	e := &event.Event{ID: fmt.Sprint("id-", n), Source: pick(r, "a", "b", "c\xff"), Dataset: pick(r, "nginx.access", "x")}
	e.Time = noon.UnixNano() + int64(r.IntN(3600))*int64(time.Second) + int64(r.IntN(3))*333
	if r.IntN(5) > 0 {
		e.Received = e.Time + int64(r.IntN(2000))
	}
	if r.IntN(4) > 0 {
		e.Raw = []byte(pick(r, "GET / HTTP/1.1", "\xff\xfe\x00binary", "ünï", strings.Repeat("x", 3000)))
	}
	names := []string{
		"source.ip", "http.response.status_code", "message", "tags", "rule.id", "host.ip", "waf.policy_only", "verdict.p_attack",
		"event.created", "labels.a", "labels.b", "unknown.list", "na\xffme", "event.category", "url.path", "with=sign",
	}
	for _, name := range names {
		for range r.IntN(3) * r.IntN(2) {
			v := randomValue(r)
			if r.IntN(4) == 0 {
				e.AddList(event.Intern(name), v)
			} else {
				e.Add(event.Intern(name), v)
			}
		}
	}
	return e
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

func randomValue(r *rand.Rand) event.Value {
	return pick(r,
		event.String("text"), event.String(""), event.String("a\"b\\\n\u2028"), event.String("\xff bytes"), event.String("10.0.0.1"), event.String("5"),
		event.Int(403), event.Int(math.MaxInt64), event.Int(-1), event.Float(3), event.Float(1e300), event.Float(math.Inf(-1)), event.Float(math.Copysign(0, -1)),
		event.Bool(true), event.Bool(false), event.Time(noon.UnixNano()), event.Time(noon.UnixNano()+1), event.Time(-1),
		event.IP(netip.MustParseAddr("203.0.113.9")), event.IP(netip.MustParseAddr("2001:db8::1")),
	)
}

// fewer is the number of rounds of a test: the race detector runs the short ones.
func fewer(rounds, short int) int {
	if testing.Short() {
		return short
	}
	return rounds
}

// TestEventsComeBack: what is read from an archive is what was written, exactly.
func TestEventsComeBack(t *testing.T) {
	for seed := range uint64(fewer(20, 4)) {
		r := rand.New(rand.NewPCG(seed, 1))
		var events []*event.Event
		for n := range 1 + r.IntN(400) {
			events = append(events, randomEvent(r, n))
		}
		m := mustCreate(t, t.TempDir(), Options{Name: "a", Stream: "web"}, events)
		got := readAll(t, m, nil)
		if len(got) != len(events) || m.Rows != int64(len(events)) {
			t.Fatalf("seed %d: %d events of %d, rows %d", seed, len(got), len(events), m.Rows)
		}
		for i := range events {
			if diff := cmp.Diff(text(events[i]), text(got[i])); diff != "" {
				t.Fatalf("seed %d, event %d (-want +got):\n%s", seed, i, diff)
			}
		}
	}
}

// TestManyGroups: files and row groups end where they should, and their bounds
// hold.
func TestManyGroups(t *testing.T) {
	const groupRows = 1000
	var events []*event.Event
	for n := range groupRows + 17 {
		e := &event.Event{ID: fmt.Sprint(n), Time: noon.UnixNano() + int64(n), Dataset: "x"}
		e.AddInt(event.HTTPResponseStatusCode, int64(n%5))
		if n%100 == 0 {
			e.AddText(event.Intern("labels.rare"), "yes")
		}
		events = append(events, e)
	}
	dir := t.TempDir()
	m := mustCreate(t, dir, Options{Name: "a", groupRows: groupRows}, events)
	if g := m.Files[0].Groups; len(m.Files) != 1 || len(g) != 2 || g[1].Rows != 17 || g[1].First != noon.UnixNano()+groupRows {
		t.Errorf("%+v", m.Files)
	}
	r, err := OpenReader(dir, nil, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	f := func(text string, want string, groups int) {
		t.Helper()
		q, err := query.Parse(text, noon)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		var stats store.Stats
		if q.IsAggregation() {
			var table *query.Table
			table, stats, err = r.Aggregate(t.Context(), store.AggregateRequest{Query: q})
			if err == nil {
				got = table.Rows[0][0].String()
			}
		} else {
			var page store.Page
			page, err = r.Search(t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
				got += e.ID + " "
				return nil
			})
			stats = page.Stats
		}
		if err != nil || strings.TrimSpace(got) != want || stats.BlocksRead != groups {
			t.Errorf("%s: %s from %d groups, %v", text, got, stats.BlocksRead, err)
		}
	}
	f("* | stats count()", "1017", 2)
	f("labels.rare: * | stats count()", "11", 2)
	f("http.response.status_code: 3 | limit 2", "1013 1008", 1) // the newest group has enough
	f(fmt.Sprintf("@timestamp >= %q | stats count()", noon.Add(groupRows).Format(time.RFC3339Nano)), "17", 1)
}

// TestSameAnswersAsNaive asks random queries of archives and of a list of events.
func TestSameAnswersAsNaive(t *testing.T) {
	storetest.RunRandom(t, fewer(10, 2), func(t *testing.T) storetest.Store {
		dir := t.TempDir()
		n := 0
		reader := func() *Reader {
			r, err := OpenReader(dir, nil, 64<<20)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		return storetest.Store{
			Write: func(events []*event.Event) error {
				n++
				_, err := Create(context.Background(), dir, Options{Name: fmt.Sprint("a", n), Now: noon, Stream: pick(rand.New(rand.NewPCG(uint64(n), 0)), "", "default", "web")}, of(events))
				return err
			},
			Search: func(ctx context.Context, q *query.Query, from, to int64) ([]*event.Event, error) {
				var found []*event.Event
				_, err := reader().Search(ctx, store.SearchRequest{Query: q, From: timeOf(from), To: timeOf(to)}, func(e *event.Event) error {
					found = append(found, e.Clone())
					return nil
				})
				return found, err
			},
			Aggregate: func(ctx context.Context, q *query.Query, from, to int64) (*query.Table, error) {
				table, _, err := reader().Aggregate(ctx, store.AggregateRequest{Query: q, From: timeOf(from), To: timeOf(to)})
				return table, err
			},
		}
	})
}

func timeOf(ns int64) time.Time {
	if ns == math.MinInt64 || ns == math.MaxInt64 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

func TestStreams(t *testing.T) {
	dir := t.TempDir()
	for i, stream := range []string{"web", "mail"} {
		mustCreate(t, dir, Options{Name: stream, Stream: stream}, []*event.Event{{ID: stream, Time: int64(i + 1)}})
	}
	r, err := OpenReader(dir, nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"gatewatch.stream: mail", "* | where gatewatch.stream: mail | sort event.id", "* | sort gatewatch.stream | limit 1"} {
		q, err := query.Parse(text, noon)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if _, err := r.Search(t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
			got = append(got, string(e.AppendJSON(nil)))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if want := []string{`{"@timestamp":"1970-01-01T00:00:00.000000002Z","event.id":"mail"}`}; !slices.Equal(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestDamageIsFound: each changed byte of a file is found by Verify, and a query
// answers with what is whole and says that it is not all.
func TestDamageIsFound(t *testing.T) {
	var events []*event.Event
	r := rand.New(rand.NewPCG(3, 3))
	for n := range 300 {
		events = append(events, randomEvent(r, n))
	}
	dir := t.TempDir()
	m := mustCreate(t, dir, Options{Name: "a"}, events)
	mustCreate(t, dir, Options{Name: "b"}, events[:7])
	path := filepath.Join(dir, "a", m.Files[0].Name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	q, err := query.Parse("* | stats count(), count(message), count(labels.a)", noon)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := OpenReader(dir, nil, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for range fewer(200, 20) {
		broken := slices.Clone(whole)
		broken[r.IntN(len(broken))] ^= byte(1 << r.IntN(8))
		if r.IntN(10) == 0 {
			broken = broken[:r.IntN(len(broken))]
		}
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		errs := m.Verify(t.Context(), nil)
		if len(errs) != 1 || !errors.Is(errs[0], ErrDamaged) {
			t.Fatalf("verify: %v", errs)
		}
		if _, _, err := reader.Aggregate(t.Context(), store.AggregateRequest{Query: q}); err != nil {
			t.Fatalf("query: %v", err)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if errs := m.Verify(t.Context(), nil); errs != nil {
		t.Error(errs)
	}
}

func TestCreateMistakes(t *testing.T) {
	dir := t.TempDir()
	one := []*event.Event{{ID: "1", Time: 1}}
	mustCreate(t, dir, Options{Name: "a"}, one)
	f := func(o Options, events []*event.Event, want error) {
		t.Helper()
		_, err := Create(t.Context(), dir, o, of(events))
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	f(Options{Name: "a"}, one, ErrExists)
	f(Options{Name: "b"}, nil, ErrNoEvents)
	f(Options{Name: "../b"}, one, nil)
	f(Options{Name: ".b"}, one, nil)
	f(Options{Name: "b", Encrypt: true}, one, nil)
	boom := errors.New("boom")
	_, err := Create(t.Context(), dir, Options{Name: "c"}, func(yield func(*event.Event) error) error {
		return errors.Join(yield(one[0]), boom)
	})
	if !errors.Is(err, boom) {
		t.Error(err)
	}
	all, problems, err := List(dir)
	if err != nil || len(all) != 1 || len(problems) != 0 {
		t.Errorf("%v, %v, %v", all, problems, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 { // the archive and the lock
		t.Errorf("%v, %v", entries, err)
	}
	if all, _, err := List(filepath.Join(dir, "none")); err != nil || all != nil {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := Open(dir, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzReadFile(f *testing.F) {
	dir := f.TempDir()
	e := &event.Event{ID: "1", Time: 1, Raw: []byte("raw")}
	e.AddText(event.Intern("labels.x"), "y")
	e.Add(event.RelatedIP, event.IP(netip.MustParseAddr("::1")))
	m, err := Create(f.Context(), dir, Options{Name: "a", Now: noon}, of([]*event.Event{e, e, e}))
	if err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, "a", m.Files[0].Name)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		file := m.Files[0]
		file.Bytes = int64(len(raw))
		p, err := m.openFile(&file, nil)
		if err != nil {
			return
		}
		defer p.close()
		rows := 0
		_ = p.each(0, nil, func(*event.Event) error { // damage is an error, never a panic
			if rows++; rows > 1000 {
				return errEnough
			}
			return nil
		})
	})
}

func FuzzRest(f *testing.F) {
	f.Add([]byte(`{"a":[1,"x",true],"b":"AA=="}`), "b=b")
	f.Fuzz(func(t *testing.T, object []byte, kind string) {
		var r restReader
		var e event.Event
		_ = r.read(&e, object, []string{kind}) // an error or fields, never a panic
	})
}
