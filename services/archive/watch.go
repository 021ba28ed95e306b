package archive

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/store"
)

// Watch counts what becomes of the segments that are to be archived, and knows
// whether archiving works. It is for [store.Config.Archive]; its methods may be
// called concurrently.
type Watch struct {
	next func(context.Context, store.Retired) error
	now  func() time.Time

	archived, failures prometheus.Counter
	last               prometheus.Gauge

	mu  sync.Mutex
	err error // of the last try
}

// NewWatch watches next, with metrics in reg.
func NewWatch(next func(context.Context, store.Retired) error, now func() time.Time, reg prometheus.Registerer) *Watch {
	w := &Watch{
		next: next, now: now,
		archived: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_archive_archived_total", Help: "Segments that were archived before retention deleted them.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_archive_failures_total", Help: "Segments that could not be archived; they stay in the store and are tried again.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatewatch_archive_last_success_timestamp_seconds", Help: "When a segment was archived last, since the server started; 0 if none was.",
		}),
	}
	reg.MustRegister(w.archived, w.failures, w.last)
	return w
}

// Archive archives a segment; see [store.Config.Archive].
func (w *Watch) Archive(ctx context.Context, s store.Retired) error {
	err := w.next(ctx, s)
	if ctx.Err() != nil { // the server stops, which says nothing
		return err
	}
	if err != nil {
		w.failures.Inc()
	} else {
		w.archived.Inc()
		w.last.Set(float64(w.now().UnixNano()) / 1e9)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	return err
}

// Err returns why the last segment was not archived, nil if it was or if there
// was none yet.
func (w *Watch) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}
