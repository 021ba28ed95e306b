package archive

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/store"
)

func TestWatch(t *testing.T) {
	var result error
	reg := prometheus.NewRegistry()
	w := NewWatch(func(context.Context, store.Retired) error { return result }, func() time.Time { return time.Unix(1700000000, 0) }, reg)
	f := func(ctx context.Context, err error, archived, failures, last float64, want error) {
		t.Helper()
		result = err
		if got := w.Archive(ctx, store.Retired{}); !errors.Is(got, err) {
			t.Errorf("error %v, want %v", got, err)
		}
		if !errors.Is(w.Err(), want) {
			t.Errorf("last error %v, want %v", w.Err(), want)
		}
		all, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, m := range all {
			got[m.GetName()] = m.Metric[0].GetCounter().GetValue() + m.Metric[0].GetGauge().GetValue()
		}
		if diff := cmp.Diff(map[string]float64{
			"gatewatch_archive_archived_total": archived, "gatewatch_archive_failures_total": failures,
			"gatewatch_archive_last_success_timestamp_seconds": last,
		}, got); diff != "" {
			t.Error(diff)
		}
	}
	full := errors.New("no space left on device")
	f(t.Context(), full, 0, 1, 0, full)
	f(t.Context(), nil, 1, 1, 1.7e9, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f(ended, context.Canceled, 1, 1, 1.7e9, nil)
}
