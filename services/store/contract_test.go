package store_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/storetest"
)

// boundary converts a bound in nanoseconds as storetest has it.
func boundary(ns int64) time.Time {
	if ns == math.MinInt64 || ns == math.MaxInt64 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// adapt gives a store the form of the contract suite.
func adapt(s store.Store) storetest.Store {
	return storetest.Store{
		Write: func(events []*event.Event) error {
			batch := store.Batch{}
			for _, e := range events {
				batch.Events = append(batch.Events, *e)
			}
			return s.Write(context.Background(), batch)
		},
		Search: func(ctx context.Context, q *query.Query, from, to int64) ([]*event.Event, error) {
			var found []*event.Event
			_, err := s.Search(ctx, store.SearchRequest{Query: q, From: boundary(from), To: boundary(to)}, func(e *event.Event) error {
				found = append(found, e.Clone())
				return nil
			})
			return found, err
		},
		Aggregate: func(ctx context.Context, q *query.Query, from, to int64) (*query.Table, error) {
			t, _, err := s.Aggregate(ctx, store.AggregateRequest{Query: q, From: boundary(from), To: boundary(to)})
			return t, err
		},
	}
}

func openStore(t testing.TB, dir string, cfg store.Config) *store.Columnar {
	t.Helper()
	if cfg.RetainAge == 0 {
		cfg.RetainAge = -1 // the events of tests are as old as they like
	}
	s, err := store.Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContractInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return adapt(openStore(t, t.TempDir(), store.Config{})) })
}

// TestContractInSegments flushes every few events, so that answers come from
// many segments that are merged meanwhile.
func TestContractInSegments(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return adapt(openStore(t, t.TempDir(), store.Config{FlushRows: 5}))
	})
}

// TestRandomInSegments asks random queries of a store whose events lie in
// segments and in memory, and of the reference of the contract.
func TestRandomInSegments(t *testing.T) {
	storetest.RunRandom(t, *seeds, func(t *testing.T) storetest.Store {
		return adapt(openStore(t, t.TempDir(), store.Config{FlushRows: 9}))
	})
}
