package store

import (
	"errors"
	"runtime"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// TestQueriesShareMemory shows that queries which stay within their own bounds
// don't pass that of all together, and give back what they held.
func TestQueriesShareMemory(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{QueryBytes: 4 << 20, QueriesBytes: 4 << 20})
	put(t, s, 1, 20_000)
	ask := func(each func()) error {
		_, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "* | sort message | limit 20000"), PageSize: 1}, func(*event.Event) error {
			each()
			return nil
		})
		return err
	}
	if err := ask(func() {}); err != nil {
		t.Fatal(err)
	}
	if err := ask(func() {
		if s.queries.Taken() != 1 {
			t.Error("a large query has no place")
		}
	}); err != nil {
		t.Fatal(err)
	}
	s.queries = query.NewPool(0) // as if others held the rest
	if err := ask(func() {}); !errors.Is(err, query.ErrBusy) {
		t.Errorf("beside others: %v", err)
	}
	if _, _, err := s.Aggregate(t.Context(), AggregateRequest{Query: mustParse(t, "* | stats n = count() by message")}); !errors.Is(err, query.ErrBusy) {
		t.Errorf("aggregate beside others: %v", err)
	}
	if n := s.queries.Taken(); n != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

// A query whose workers together hold too much is asked again of one alone.
func TestOneWorkerHoldsLess(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	s := mustOpen(t, t.TempDir(), Config{QueryBytes: 420_000})
	const rows = 30_000
	put(t, s, 0, rows)
	q := mustParse(t, "* | stats n = count_distinct(message)")
	table, st, err := s.Aggregate(t.Context(), AggregateRequest{Query: q})
	if err != nil {
		t.Fatal(err)
	}
	if n := table.Rows[0][0].Int(); n != rows {
		t.Errorf("%d different messages of %d", n, rows)
	}
	if st.RowsMatched != rows || st.RowsRead != rows {
		t.Errorf("%d rows read, %d matched", st.RowsRead, st.RowsMatched)
	}
}
