package triage

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

var update = flag.Bool("update", false, "write golden files anew")

var began = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// bench is a desk over real parts, and what it has written of acts.
type bench struct {
	*Desk
	tb     testing.TB
	store  *store.Columnar
	queue  *queue.Disk
	leaves []audit.Leaf
	refuse error // what the audit log answers
}

func open(tb testing.TB) *bench {
	tb.Helper()
	b := &bench{tb: tb}
	var err error
	if b.store, err = store.Open(tb.TempDir(), store.Config{RetainAge: -1, MinFreeBytes: 1}); err != nil {
		tb.Fatal(err)
	}
	if b.queue, err = queue.Open(tb.TempDir(), queue.Config{MinFreeBytes: 1}, slog.New(slog.DiscardHandler), nil); err != nil {
		tb.Fatal(err)
	}
	now := func() time.Time { return began }
	d, err := state.Open(tb.Context(), tb.TempDir(), now)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(d.Close(), b.queue.Close(), b.store.Close()); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	b.Desk, err = New(Options{Events: b.store, State: d, Queue: b.queue, Now: now, Audit: func(_ context.Context, l audit.Leaf) (int64, error) {
		if b.refuse != nil {
			return 0, b.refuse
		}
		b.leaves = append(b.leaves, l)
		return int64(len(b.leaves)), nil
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// decide stores a decision of each line: NDJSON of its fields.
func (b *bench) decide(lines string) {
	b.tb.Helper()
	var events []event.Event
	for i, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		var e event.Event
		if err := e.UnmarshalJSON([]byte(line)); err != nil {
			b.tb.Fatalf("%s: %v", line, err)
		}
		if e.ID == "" {
			e.ID = fmt.Sprint("d", i+1)
		}
		if e.Time == 0 {
			e.Time = began.Add(time.Duration(i) * time.Minute).UnixNano()
		}
		e.Source = "edge-1"
		events = append(events, e)
	}
	b.write(events)
}

// write stores events as they come through the stream of a node.
func (b *bench) write(events []event.Event) {
	b.tb.Helper()
	for i := range events {
		if e := &events[i]; e.Has(event.WAFDecision) && !e.Has(event.GatewatchWAF) {
			e.AddText(event.GatewatchWAF, event.WAFByNode)
		}
	}
	if err := b.store.Write(b.tb.Context(), store.Batch{Events: events}); err != nil {
		b.tb.Fatal(err)
	}
}

func (b *bench) label(id, label string) *Detail {
	b.tb.Helper()
	x, err := b.Label(b.tb.Context(), Ref{ID: id}, label, "because", "ann")
	if err != nil {
		b.tb.Fatalf("label %s: %v", id, err)
	}
	return x
}

// golden compares files of an archive with what make makes of the others.
func golden(t *testing.T, name string, make func(*txtar.Archive) map[string]string) {
	t.Helper()
	path := "testdata/" + name + ".txtar"
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(a)
	if len(got) == 0 {
		t.Fatal("no cases")
	}
	n := 0
	for i := range a.Files {
		f := &a.Files[i]
		want, ok := got[f.Name]
		if !ok {
			continue
		}
		n++
		if *update {
			f.Data = []byte(want)
		} else if diff := cmp.Diff(string(f.Data), want); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", f.Name, path, diff)
		}
	}
	if n != len(got) {
		t.Errorf("%s has %d of %d results", path, n, len(got))
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func fileOf(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func filter(tb testing.TB, text string) query.Expr {
	tb.Helper()
	q, err := query.Parse(text, began)
	if err != nil {
		tb.Fatal(err)
	}
	return q.Filter
}

func TestTemplates(t *testing.T) {
	golden(t, "templates", func(a *txtar.Archive) map[string]string {
		made := func(in string, template func(string) string) string {
			var b bytes.Buffer
			for line := range strings.Lines(in) {
				fmt.Fprintf(&b, "%s\n", template(strings.TrimSuffix(line, "\n")))
			}
			return b.String()
		}
		return map[string]string{
			"paths.want":     made(fileOf(a, "paths"), PathTemplate),
			"variables.want": made(fileOf(a, "variables"), VariableTemplate),
		}
	})
}

// FuzzTemplates wants bounded text that can be shown, and the same again from
// what was made.
func FuzzTemplates(f *testing.F) {
	for _, s := range []string{"", "/", "/a/1", "//", "/\x00\xff/\u202e", "/a;b=1/c", "ARGS:a[3].b", strings.Repeat("/9", 100), strings.Repeat("x", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, template := range []func(string) string{PathTemplate, VariableTemplate} {
			got := template(s)
			if len(got) > maxText+64 || got != shown(got) {
				t.Errorf("template of %q: %q", s, got)
			}
		}
		if p := PathTemplate(s); PathTemplate(p) != p && !strings.HasSuffix(p, rest) {
			t.Errorf("template of %q: %q, and of that %q", s, p, PathTemplate(p))
		}
	})
}

func TestGroups(t *testing.T) {
	golden(t, "groups", func(a *txtar.Archive) map[string]string {
		b := open(t)
		b.decide(fileOf(a, "decisions"))
		b.label("d1", FalsePositive)
		b.label("d3", TruePositive)
		b.label("d2", Unsure)
		list := func(l GroupList) string {
			t.Helper()
			l.Size = 100
			page, err := b.Groups(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			fmt.Fprintf(&out, "%d decisions, %d blocks, %d unjudged\n", page.Decisions, page.Blocks, page.Unjudged)
			for _, g := range page.Groups {
				fmt.Fprintf(&out, "%.2f of %d: %s %s %s %s %s blocked %v, %d clients, p %.3f, now %.3f, %d open, share %.3f, %s to %s, labels %v, rules %v, examples %v\n",
					g.Expected, g.N, g.Site, g.Path, g.Rule, g.Variable, g.Kind, g.Blocked, g.Clients, g.PAttack, g.PNow, g.Open, g.Share,
					g.First.Format("15:04"), g.Last.Format("15:04"), g.Labels, g.Rules, g.Examples)
			}
			return out.String()
		}
		return map[string]string{
			"false":      list(GroupList{}),
			"missed":     list(GroupList{Order: GroupsByMissed}),
			"count":      list(GroupList{Order: GroupsByCount}),
			"policy":     list(GroupList{Kind: "policy"}),
			"mixed":      list(GroupList{Labelled: LabelledMixed}),
			"labelled":   list(GroupList{Labelled: LabelledOnly}),
			"unlabelled": list(GroupList{Labelled: LabelledOut}),
			"filtered":   list(GroupList{Selection: Selection{Filter: filter(t, "rule.id: 942100 or url.path: /none"), From: began.Add(time.Minute)}}),
		}
	})
}
