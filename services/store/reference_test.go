package store_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// TestQueryReference runs the examples of the reference of the query language.
func TestQueryReference(t *testing.T) {
	text, err := os.ReadFile("query/QUERY.md")
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, t.TempDir(), store.Config{})
	var b store.Batch
	for _, line := range fenced(string(text), "events") {
		var d event.Decoder
		var e event.Event
		if err := d.Decode([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		e.Source = "reference"
		b.Events = append(b.Events, *e.Clone())
	}
	b.Next = uint64(len(b.Events))
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	examples := fenced(string(text), "query")
	for _, line := range examples {
		ask, want, ok := strings.Cut(line, "=>")
		if !ok {
			t.Errorf("%s: no answer is given", line)
			continue
		}
		want = strings.TrimSpace(want)
		if got := referenceAnswer(t, s, strings.TrimSpace(ask)); got != want {
			t.Errorf("%s\n got %s\nwant %s", ask, got, want)
		}
	}
	if len(examples) < 40 || len(b.Events) < 6 {
		t.Fatalf("%d examples over %d events", len(examples), len(b.Events))
	}
}

// fenced returns the lines of the code blocks of a language.
func fenced(text, language string) []string {
	var lines []string
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			in = line == "```"+language
		case in && line != "":
			lines = append(lines, line)
		}
	}
	return lines
}

// referenceAnswer returns the ids of the events that a query finds, in rising order unless
// it sorts, the events themselves where it keeps fields, or the rows of its table.
func referenceAnswer(t *testing.T, s *store.Columnar, text string) string {
	t.Helper()
	q, err := query.Parse(text, time.Date(2026, 1, 1, 0, 6, 0, 0, time.UTC))
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return ""
	}
	if !q.IsAggregation() {
		var ids []string
		_, err := s.Search(t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
			if q.Keep() != nil {
				ids = append(ids, string(e.AppendJSON(nil)))
				return nil
			}
			ids = append(ids, e.ID)
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if !strings.Contains(text, "| sort") {
			slices.Sort(ids)
		}
		return strings.Join(ids, " ")
	}
	table, _, err := s.Aggregate(t.Context(), store.AggregateRequest{Query: q})
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return ""
	}
	var rows []string
	for _, row := range table.Rows {
		var b bytes.Buffer
		for i, v := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(v.AppendJSON(nil))
		}
		rows = append(rows, fmt.Sprintf("[%s]", b.String()))
	}
	return strings.Join(rows, " ")
}
