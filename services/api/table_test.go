package api

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// What REST writes of a table is what the marshaler writes of the answer over
// gRPC.
func TestTableIsWrittenAsItsMessage(t *testing.T) {
	f := func(columns []string, rows ...[]event.Value) {
		t.Helper()
		stats := store.Stats{RowsMatched: 7, RowsRead: 9, BytesRead: 1 << 40, Duration: 1500 * time.Microsecond, Partial: []string{"late"}, Notes: []string{"\"odd\" <name>"}}
		want, err := marshaler{}.Marshal(&gatewatchv1.AggregateResponse{Columns: columns, Rows: newProtoRows(rows), Stats: newProtoStats(stats)})
		if err != nil {
			t.Fatal(err)
		}
		got := appendTable(nil, &query.Table{Columns: columns, Rows: rows}, stats)
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Error(diff)
		}
	}
	f(nil)
	f([]string{"n"}, []event.Value{event.Int(0)})
	f([]string{"a", "b\u2028\"", "c"},
		[]event.Value{event.String(""), event.String("x\x00\xff\"<\u00fc"), {}},
		[]event.Value{event.Int(math.MinInt64), event.Float(0.1), event.Float(1e300)},
		[]event.Value{event.Float(math.NaN()), event.Float(math.Inf(-1)), event.Bool(true)},
		[]event.Value{event.Time(0), event.Time(0), event.Time(5)},
		[]event.Value{event.Time(5), event.Int(5), event.Time(5)},
		[]event.Value{event.Time(1_700_000_000_123_456_789), event.Time(-1), event.Time(0)},
		[]event.Value{event.IP(netip.MustParseAddr("203.0.113.9")), event.IP(netip.MustParseAddr("2001:db8::1")), event.Bool(false)},
	)
}
