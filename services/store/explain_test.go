package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// explainedStore has three segments: two of the stream default, a day apart, and
// one of the stream waf.
func explainedStore(t *testing.T, dir string) *store.Columnar {
	t.Helper()
	cfg := store.Config{Streams: []store.StreamConfig{{Name: "waf", Filter: "event.dataset: coraza.waf"}}}
	for part := range 3 {
		s := openStore(t, dir, cfg)
		var b store.Batch
		for i := range 100 {
			var e event.Event
			e.ID, e.Source, e.Dataset = fmt.Sprint(part, "-", i), "s", "nginx.access"
			e.Time = testStart.Add(time.Duration(part)*24*time.Hour + time.Duration(i)*time.Second).UnixNano()
			if part == 2 {
				e.Dataset = "coraza.waf"
			}
			e.AddInt(event.HTTPResponseStatusCode, int64(200+part))
			e.AddText(event.URLPath, "/"+"abc"[part:part+1])
			e.AddText(event.UserName, fmt.Sprintf("user %d of part %d", i*7919%100, part))
			b.Events = append(b.Events, e)
		}
		b.First, b.Next = uint64(100*part), uint64(100*part+100)
		if err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return openStore(t, dir, cfg)
}

var testStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func explain(t *testing.T, s *store.Columnar, text string, from, to time.Time) *store.Explanation {
	t.Helper()
	q, err := query.Parse(text, testStart)
	if err != nil {
		t.Fatal(err)
	}
	x, err := s.Explain(t.Context(), store.ExplainRequest{Query: q, From: from, To: to, PageSize: 10})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestExplainSaysWhatWasSkipped(t *testing.T) {
	s := explainedStore(t, t.TempDir())
	f := func(text string, from, to time.Time, looked, matched int, want ...string) {
		t.Helper()
		x := explain(t, s, text, from, to)
		var got []string
		for _, k := range x.Skipped {
			got = append(got, fmt.Sprintf("%s %d/%d/%d %v", k.Reason, k.Segments, k.Blocks, k.Rows, k.Read))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: skipped (-want +got):\n%s", text, diff)
		}
		if x.Blocks.All != 3 || x.Blocks.RowsAll != 300 || x.Segments.All != 3 || x.Blocks.Looked != looked || x.Blocks.Matched != matched ||
			x.Segments.Looked != looked || x.Segments.Matched != matched || x.Blocks.RowsInUse != int64(100*looked) {
			t.Errorf("%s: segments %+v, blocks %+v", text, x.Segments, x.Blocks)
		}
	}
	var none time.Time
	day := testStart.Add(24 * time.Hour)
	f("* | stats count()", none, none, 3, 3)
	f("* | stats count()", day, none, 2, 2, "time 1/1/100 false")
	f("gatewatch.stream: waf | stats count()", none, none, 1, 1, "stream 2/2/200 false")
	f("http.response.status_code: 201 | stats count()", none, none, 1, 1, "zone map 0/2/200 false")
	f("email.subject: x | stats count()", none, none, 0, 0, "absent field 0/3/300 false")
	f("url.path: \"/b\" and email.subject: x | stats count()", none, none, 0, 0, "filter 0/2/200 false", "absent field 0/1/100 false")
	f("url.path: /b* | stats count()", none, none, 3, 1, "value set 0/2/200 true")
	f(`user.name: *zzz* | stats count()`, none, none, 3, 0, "character set 0/3/300 true")
	f(`user.name: "*part 7" | stats count()`, none, none, 0, 0, "filter 0/3/300 false")
	f(`user.name: *art*user* | stats count()`, none, none, 3, 0, "values 0/3/300 true")
	f("*", none, none, 1, 1, "not needed 0/2/200 false")
}

func TestExplainSaysWhatWasRead(t *testing.T) {
	dir := t.TempDir()
	s := explainedStore(t, dir)
	const text = "http.response.status_code >= 201 and @timestamp < 2026-01-04 | where url.path: * | stats n = count() by user.name | sort n desc"
	for run, want := range []struct{ misses bool }{{true}, {false}} {
		x := explain(t, s, text, testStart, time.Time{})
		parts := map[string]bool{}
		var read int64
		for _, p := range x.Parts {
			parts[p.Name] = true
			read += p.Read
			if (p.Misses > 0) != want.misses || (p.Read > 0) != want.misses && p.Name != "user.name" || run == 1 && p.Hits == 0 {
				t.Errorf("run %d: %+v", run, p)
			}
		}
		for _, name := range []string{"(directory)", "user.name", "http.response.status_code"} {
			if !parts[name] {
				t.Errorf("run %d: nothing was read of %s: %+v", run, name, x.Parts)
			}
		}
		if x.Stats.BytesRead != read {
			t.Errorf("run %d: %d bytes were read, %d by columns", run, x.Stats.BytesRead, read)
		}
	}
	x := explain(t, s, text, testStart, time.Time{})
	want := store.Plan{
		Filter: "http.response.status_code >= 201 and @timestamp < 2026-01-04 and url.path: *",
		Pipes:  []string{"stats n = count() by user.name", "sort n desc"},
		From:   testStart.UnixNano(), To: testStart.Add(72 * time.Hour).UnixNano(),
		Strategy: x.Plan.Strategy, Fields: []string{"user.name"}, Cores: x.Plan.Cores,
	}
	if diff := cmp.Diff(want, x.Plan); diff != "" {
		t.Error(diff)
	}
	if x.Stats.RowsMatched != 200 || len(x.Stages) != 5 || x.Stages[4].Time != x.Stats.Duration {
		t.Errorf("stats %+v, stages %v", x.Stats, x.Stages)
	}
}

// TestExplainShowsMemory has events that are in no segment yet.
func TestExplainShowsMemory(t *testing.T) {
	s := explainedStore(t, t.TempDir())
	var e event.Event
	e.ID, e.Source, e.Time = "new", "s", testStart.UnixNano()
	if err := s.Write(context.Background(), store.Batch{Events: []event.Event{e}, First: 300, Next: 301}); err != nil {
		t.Fatal(err)
	}
	x := explain(t, s, "event.id: new", time.Time{}, time.Time{})
	want := store.Memory{Blocks: 1, Rows: 1, Looked: 1, Applied: 300, Written: 301}
	if diff := cmp.Diff(want, x.Memory); diff != "" || x.Blocks.All != 4 || x.Blocks.Matched != 1 {
		t.Errorf("%s, blocks %+v", diff, x.Blocks)
	}
}
