// Package storetest is the contract of the query language (DESIGN section 6) for
// every store: events go in, queries are asked, and the answers are compared
// with those of the case files. A case file is a txtar archive:
//
//	-- events.ndjson --   the events, one JSON object a line
//	-- NAME.query --      a query; NAME.range may hold "FROM TO", - for no bound
//	-- NAME.want --       the answer, see [Case]
package storetest

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

//go:embed testdata/*.txtar
var files embed.FS

// Now is the clock of the queries of all cases.
var Now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Store is what a case needs of a store. Times are Unix nanoseconds, from
// inclusive and to exclusive, math.MinInt64 and math.MaxInt64 for no bound.
type Store struct {
	// Write stores events; they are searchable when it returns. It keeps none of
	// the memory of the events.
	Write func(events []*event.Event) error
	// Search returns the events of a query, in order. Where [query.Query.Keep]
	// is not nil only these fields are looked at.
	Search func(ctx context.Context, q *query.Query, from, to int64) ([]*event.Event, error)
	// Aggregate returns the table of a query.
	Aggregate func(ctx context.Context, q *query.Query, from, to int64) (*query.Table, error)
}

// Case is one query with its answer.
type Case struct {
	File, Name string
	Query      string
	From, To   string // as [query.ParseTimeRange] reads them
	// Want is the answer in lines. A search gives the event.id of each event, or
	// with keep a JSON object of the kept fields; an aggregation gives JSON
	// arrays, first of the columns and then of each row; a query that is refused
	// gives `error: ` and the message.
	Want string
}

// Group is the cases of one file, which share their events.
type Group struct {
	Name   string
	Events []*event.Event
	Cases  []Case
}

// Cases returns all cases.
func Cases(t testing.TB) []Group {
	t.Helper()
	names, err := fs.Glob(files, "testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	var groups []Group
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := parseGroup(strings.TrimSuffix(path.Base(name), ".txtar"), data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		groups = append(groups, g)
	}
	return groups
}

func parseGroup(name string, data []byte) (Group, error) {
	g := Group{Name: name}
	cases := map[string]*Case{}
	var order []string
	for _, f := range txtar.Parse(data).Files {
		if f.Name == "events.ndjson" {
			events, err := readEvents(f.Data)
			if err != nil {
				return g, err
			}
			g.Events = events
			continue
		}
		id, kind, _ := strings.Cut(f.Name, ".")
		c := cases[id]
		if c == nil {
			c = &Case{File: name, Name: id}
			cases[id] = c
			order = append(order, id)
		}
		switch kind {
		case "query":
			c.Query = strings.TrimSuffix(string(f.Data), "\n")
		case "want":
			c.Want = string(f.Data)
		case "range":
			if _, err := fmt.Sscan(string(f.Data), &c.From, &c.To); err != nil {
				return g, fmt.Errorf("%s: want FROM TO: %w", f.Name, err)
			}
		default:
			return g, fmt.Errorf("%s: unknown kind of file", f.Name)
		}
	}
	for _, id := range order {
		g.Cases = append(g.Cases, *cases[id])
	}
	if len(g.Cases) == 0 {
		return g, errors.New("no cases")
	}
	return g, nil
}

func readEvents(data []byte) ([]*event.Event, error) {
	var events []*event.Event
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		e := &event.Event{}
		if err := e.UnmarshalJSON(line); err != nil {
			return nil, fmt.Errorf("event %d: %w", len(events)+1, err)
		}
		if e.ID == "" {
			e.ID = fmt.Sprintf("%03d", len(events)+1)
		}
		if e.Source == "" {
			e.Source = "storetest"
		}
		events = append(events, e)
	}
	return events, nil
}

// Run asks all cases of stores that open makes, an empty one for each group.
func Run(t *testing.T, open func(t *testing.T) Store) {
	asked := 0
	for _, g := range Cases(t) {
		t.Run(g.Name, func(t *testing.T) {
			s := open(t)
			for batch := range slices.Chunk(g.Events, 7) {
				if err := s.Write(batch); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range g.Cases {
				asked++
				t.Run(c.Name, func(t *testing.T) {
					got := Answer(t.Context(), s, &c, g.Events)
					if diff := cmp.Diff(c.Want, got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", c.Query, diff)
					}
				})
			}
		})
	}
	if asked == 0 {
		t.Error("no case was run")
	}
}

// Answer asks one case and returns the answer in the form of Case.Want. Whole
// events are compared with those that were written.
func Answer(ctx context.Context, s Store, c *Case, written []*event.Event) string {
	q, err := query.Parse(c.Query, Now)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	bound := func(s string) string { return strings.TrimPrefix(s, "-") }
	from, to, err := query.ParseTimeRange(bound(c.From), bound(c.To), Now)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	if q.IsAggregation() {
		table, err := s.Aggregate(ctx, q, from, to)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		return FormatTable(table)
	}
	events, err := s.Search(ctx, q, from, to)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return formatEvents(q, events, written)
}

// FormatTable writes a table in the form of Case.Want.
func FormatTable(t *query.Table) string {
	columns, err := json.Marshal(t.Columns)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	out := append(columns, '\n')
	for _, row := range t.Rows {
		for i, v := range row {
			sep := byte(',')
			if i == 0 {
				sep = '['
			}
			out = v.AppendJSON(append(out, sep))
		}
		out = append(out, "]\n"...)
	}
	return string(out)
}

func formatEvents(q *query.Query, events, written []*event.Event) string {
	var out []byte
	for _, e := range events {
		if keep := q.Keep(); keep != nil {
			out = append(query.AppendRow(out, query.EventRow{Event: e}, keep), '\n')
			continue
		}
		out = append(append(out, e.ID...), '\n')
		i := slices.IndexFunc(written, func(w *event.Event) bool { return w.ID == e.ID && w.Source == e.Source })
		if i < 0 {
			out = append(out, "was never written\n"...)
		} else if bytes.Equal(written[i].AppendJSON(nil), e.AppendJSON(nil)) {
			continue
		} else if diff := cmp.Diff(object(written[i]), object(e)); diff != "" {
			out = fmt.Appendf(out, "differs from what was written (-want +got):\n%s\n", diff)
		}
	}
	return string(out)
}

// object is an event without the order of its fields.
func object(e *event.Event) map[string]any {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(e.AppendJSON(nil)))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		return map[string]any{"error": err.Error()}
	}
	return m
}
