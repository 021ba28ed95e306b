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

// TestNotesOnFields asks a store whose events are in memory, and again when they
// are in a segment.
func TestNotesOnFields(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, store.Config{})
	if notes := notesOn(t, s, "waf.decison: block", ""); notes != nil {
		t.Errorf("an empty store notes %q", notes)
	}
	var b store.Batch
	for i := range 20 {
		var e event.Event
		e.ID, e.Source, e.Time = fmt.Sprint(i), "s", int64(1e18)+int64(i)
		e.AddText(event.WAFDecision, "block")
		e.AddText(event.Intern("shop.cart"), "full")
		b.Events = append(b.Events, e)
	}
	if err := s.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		f := func(text string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, notesOn(t, s, text, "")); diff != "" {
				t.Errorf("%s: %s", text, diff)
			}
		}
		f("*")
		f("nothing")
		f("waf.decision: allow")
		f("event.id: 99 and @timestamp > 2100-01-01")
		f("waf.decison: block", "no event has the field waf.decison; did you mean waf.decision?")
		f("not waf.decison: block", "no event has the field waf.decison; did you mean waf.decision?")
		f("shop.carts: * or zebra.crossing: 1", "no event has the field shop.carts; did you mean shop.cart?", "no event has the field zebra.crossing")
		f("email.subject: x", "no event has the field email.subject")
		f("* | keep email.subject")
		f("* | keep shop.basket", "no event has the field shop.basket; did you mean shop.cart?")
		f("* | stats n = count() by shop.cat | where n > 1 | sort n", "no event has the field shop.cat; did you mean shop.cart?")
		if notes := notesOn(t, s, "not waf.decison: x", "next"); notes != nil {
			t.Errorf("a later page notes %q", notes)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, dir, store.Config{})
	}
}

// notesOn returns the notes of a query; page asks for those of a second page.
func notesOn(t *testing.T, s *store.Columnar, text, page string) []string {
	t.Helper()
	q, err := query.Parse(text, time.Unix(2e9, 0))
	if err != nil {
		t.Fatal(err)
	}
	if q.IsAggregation() {
		_, stats, err := s.Aggregate(context.Background(), store.AggregateRequest{Query: q})
		if err != nil {
			t.Fatal(err)
		}
		return stats.Notes
	}
	r := store.SearchRequest{Query: q, PageSize: 3}
	found, err := s.Search(context.Background(), r, func(*event.Event) error { return nil })
	if err == nil && page != "" {
		if found.NextToken == "" {
			return nil
		}
		r.PageToken = found.NextToken
		found, err = s.Search(context.Background(), r, func(*event.Event) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	return found.Stats.Notes
}
