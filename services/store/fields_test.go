package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

func listFields(t *testing.T, s *store.Columnar, text string, r store.FieldsRequest) *store.FieldList {
	t.Helper()
	q, err := query.Parse(text, testStart)
	if err != nil {
		t.Fatal(err)
	}
	r.Query = q
	l, err := s.Fields(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// fieldLines shows the fields one a line.
func fieldLines(l *store.FieldList) string {
	var b strings.Builder
	for _, f := range l.Fields {
		fmt.Fprintf(&b, "%s %v %d/%d %d distinct:", f.Name, f.Kinds, f.Events, f.Values, f.Distinct)
		for _, v := range f.Top {
			fmt.Fprintf(&b, " %s=%d", v.Value, v.Count)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestFields asks for fields in memory, and again when they are in a segment.
func TestFields(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, store.Config{})
	var b store.Batch
	for i := range 90 {
		var e event.Event
		e.ID, e.Source, e.Dataset = fmt.Sprint(i), "s", "app"
		e.Time = testStart.Add(time.Duration(i) * time.Second).UnixNano()
		e.AddText(event.Intern("app.kind"), fmt.Sprint("k", i%3))
		if i%2 == 0 {
			e.AddInt(event.Intern("app.n"), int64(i%4))
		}
		if i%10 == 0 {
			e.AddText(event.Intern("app.n"), "none") // beside the number: of another type
			for range 2 {
				e.AddList(event.Intern("app.tags"), event.String("twice"))
			}
			e.AddList(event.Intern("app.tags"), event.String(fmt.Sprint("t", i)))
		}
		b.Events = append(b.Events, e)
	}
	b.Next = 90
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for run := range 2 {
		f := func(text string, r store.FieldsRequest, total int, events int64, want string) {
			t.Helper()
			l := listFields(t, s, text, r)
			if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), fieldLines(l)); diff != "" || l.Total != total || l.Events != events || l.Matched != events || l.Sampled {
				t.Errorf("run %d, %s: %d fields, %d events of %d (-want +got):\n%s", run, text, l.Total, l.Events, l.Matched, diff)
			}
		}
		f("*", store.FieldsRequest{Prefix: "APP.", Top: 2}, 3, 90, `
app.kind [string] 90/90 3 distinct: k0=30 k1=30
app.n [string int] 45/54 3 distinct: 0=23 2=22
app.tags [string] 9/27 10 distinct: twice=18 t0=1
`)
		f("app.tags: t10", store.FieldsRequest{Prefix: "app", Top: 1, Skip: 1, Size: 1}, 3, 1, "app.n [string int] 1/2 2 distinct: 2=1\n")
		f("*", store.FieldsRequest{Prefix: "app.kind", From: testStart.Add(88 * time.Second)}, 1, 2, "app.kind [string] 2/2 2 distinct:\n")
		f("app.kind: nothing", store.FieldsRequest{}, 0, 0, "")
		f("* | where app.kind: k1", store.FieldsRequest{Prefix: "gatewatch.stream", Top: 1}, 1, 30, "gatewatch.stream [string] 30/30 1 distinct: default=30\n")
		f("*", store.FieldsRequest{Size: 1, Skip: 99}, 8, 90, "")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, dir, store.Config{})
	}
}

// TestFieldsBeyondTheColumns has more fields than blocks have columns.
func TestFieldsBeyondTheColumns(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, store.Config{})
	var events []event.Event
	for i := range 30 {
		var e event.Event
		e.ID, e.Source, e.Time = fmt.Sprint(i), "s", testStart.UnixNano()
		for n := range 100 {
			e.AddInt(event.Intern(fmt.Sprintf("f%02d.n%02d", i/2, n)), int64(i))
		}
		events = append(events, e)
	}
	if err := s.Write(t.Context(), store.Batch{Events: events, Next: 30}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, store.Config{})
	if l := listFields(t, s, "*", store.FieldsRequest{Prefix: "f"}); l.Total != 1500 || len(l.Stats.Partial) > 0 {
		t.Errorf("%d fields, %v", l.Total, l.Stats.Partial)
	}
	for i := range 15 {
		l := listFields(t, s, "*", store.FieldsRequest{Prefix: fmt.Sprintf("f%02d.n77", i), Top: 3})
		want := fmt.Sprintf("f%02d.n77 [int] 2/2 2 distinct: %d=1 %d=1\n", i, 2*i, 2*i+1)
		if diff := cmp.Diff(want, fieldLines(l)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestFieldsOfMany samples more events than are looked at.
func TestFieldsOfMany(t *testing.T) {
	s := openStore(t, t.TempDir(), store.Config{})
	const each, batches = 10_000, 60
	events := make([]event.Event, each)
	for n := range batches {
		for i := range events {
			e := &events[i]
			e.Reset()
			e.ID, e.Source, e.Time = fmt.Sprint(n, "-", i), "s", testStart.Add(time.Duration(n)*time.Minute).UnixNano()
			e.AddInt(event.Intern("n"), int64(i%2))
		}
		if err := s.Write(t.Context(), store.Batch{Events: events, First: uint64(n * each), Next: uint64(n*each + each)}); err != nil {
			t.Fatal(err)
		}
	}
	l := listFields(t, s, "*", store.FieldsRequest{Top: 2})
	if !l.Sampled || l.Matched != each*batches || l.Events >= l.Matched || l.Events < l.Matched/2 {
		t.Errorf("sampled %v, %d of %d events", l.Sampled, l.Events, l.Matched)
	}
	for _, f := range l.Fields {
		if f.Events != l.Events {
			t.Errorf("%s is in %d events of %d", f.Name, f.Events, l.Events)
		}
		if f.Name == "event.id" && (f.DistinctExact || f.Short == 0 || f.Distinct < l.Events*97/100 || f.Distinct > l.Events*103/100) {
			t.Errorf("event.id: %+v", f)
		}
	}
}

func TestFieldsOnlyFilter(t *testing.T) {
	s := openStore(t, t.TempDir(), store.Config{})
	q, err := query.Parse("* | limit 1", testStart)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fields(t.Context(), store.FieldsRequest{Query: q}); err == nil {
		t.Error("a limit was taken")
	}
}
