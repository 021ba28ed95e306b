package state

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// sweepEach is the time between two looks for what is too old or too much.
	sweepEach = time.Minute
	// sweepRows is how many rows go in one transaction, so that those of others
	// wait for few milliseconds.
	sweepRows = 500
)

// Reasons of a deletion, the labels of a metric.
const (
	reasonAge = "age"
	reasonMax = "max_alerts"
)

// Retention deletes what the state need not keep any longer.
type Retention struct {
	db      *DB
	config  Config
	log     *slog.Logger
	deleted *prometheus.CounterVec
	alerts  prometheus.Gauge
	isFull  bool // that alerts were deleted because they are too many was logged
}

// NewRetention makes the retention of a state. log and metrics may be nil.
func NewRetention(db *DB, c Config, log *slog.Logger, metrics prometheus.Registerer) *Retention {
	r := &Retention{
		db: db, config: c.WithDefaults(), log: log,
		deleted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_state_rows_deleted_total", Help: "Rows of the state that retention deleted, by table and reason: age or max_alerts.",
		}, []string{"table", "reason"}),
		alerts: prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatewatch_state_alerts", Help: "Alerts in the state."}),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if metrics != nil {
		metrics.MustRegister(r.deleted, r.alerts)
	}
	return r
}

// Run sweeps at once and then each minute, until ctx ends.
func (r *Retention) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEach)
	defer tick.Stop()
	for {
		if err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("old rows of the state stay", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep deletes what is too old, then alerts beyond the largest number: closed
// ones, then new, then acknowledged ones. It works in small transactions, so that
// others can write meanwhile. Calls must not overlap.
func (r *Retention) Sweep(ctx context.Context) error {
	for _, s := range []struct {
		table string
		age   time.Duration
		do    func(context.Context, *sql.Tx, int64) (int64, error)
	}{
		{"alerts", r.config.ClosedAge, deleteUntouched(StatusClosed)},
		{"alerts", r.config.OpenAge, deleteUntouched(StatusNew)},
		{"alerts", r.config.OpenAge, deleteUntouched(StatusAcknowledged)},
		{"labels", r.config.LabelAge, deleteLabels},
		{"draws", r.config.LabelAge, deleteDraws},
		{"frames", r.config.LabelAge, deleteFrames},
		{"verdicts", r.config.VerdictAge, deleteVerdicts},
		{"rule_hits", r.config.VerdictAge, deleteHits},
		{"notices", noticeAge, deleteNotices},
	} {
		if s.age < 0 {
			continue
		}
		before := r.db.now().Add(-s.age).UnixNano()
		for n := int64(sweepRows); n == sweepRows; {
			err := r.db.change(ctx, func(tx *sql.Tx) (err error) {
				n, err = s.do(ctx, tx, before)
				return err
			})
			if err != nil {
				return fmt.Errorf("delete old %s: %w", s.table, err)
			}
			if n > 0 {
				r.deleted.WithLabelValues(s.table, reasonAge).Add(float64(n))
			}
		}
	}
	return r.bound(ctx)
}

// bound deletes alerts beyond the largest number.
func (r *Retention) bound(ctx context.Context) error {
	var count int64
	if err := r.db.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM alerts").Scan(&count); err != nil {
		return fmt.Errorf("count alerts: %w", explain(err))
	}
	for over := count - int64(r.config.MaxAlerts); over > 0; {
		var n int64
		err := r.db.change(ctx, func(tx *sql.Tx) (err error) {
			n, err = deleteLeast(ctx, tx, min(over, sweepRows))
			return err
		})
		if err != nil {
			return fmt.Errorf("delete alerts: %w", err)
		}
		if n == 0 {
			break
		}
		if !r.isFull {
			r.isFull = true
			r.log.Warn("alerts are more than state.max_alerts: the oldest closed ones, then those of the lowest severity are deleted",
				"alerts", count, "max_alerts", r.config.MaxAlerts)
		}
		over, count = over-n, count-n
		r.deleted.WithLabelValues("alerts", reasonMax).Add(float64(n))
	}
	r.alerts.Set(float64(count))
	return nil
}

// deleteUntouched deletes alerts of a status that nobody has changed since.
func deleteUntouched(s Status) func(context.Context, *sql.Tx, int64) (int64, error) {
	return func(ctx context.Context, tx *sql.Tx, before int64) (int64, error) {
		return deleteAlerts(ctx, tx, "status = ? AND update_time < ? ORDER BY update_time, id", string(s), before, sweepRows)
	}
}

// deleteLeast deletes the alerts that matter least.
func deleteLeast(ctx context.Context, tx *sql.Tx, most int64) (n int64, err error) {
	for _, which := range []string{
		"status = 'closed' ORDER BY update_time, id",
		"status = 'new' ORDER BY severity, found_time, id",
		"status = 'acknowledged' ORDER BY severity, found_time, id",
	} {
		if n, err = deleteAlerts(ctx, tx, which, most); n > 0 || err != nil {
			return n, err
		}
	}
	return n, err
}

// deleteAlerts deletes alerts with their histories.
func deleteAlerts(ctx context.Context, tx *sql.Tx, which string, args ...any) (int64, error) {
	which = "(SELECT id FROM alerts WHERE " + which + " LIMIT ?)"
	if _, err := tx.ExecContext(ctx, "DELETE FROM alert_history WHERE alert_id IN "+which, args...); err != nil {
		return 0, err
	}
	return rows(tx.ExecContext(ctx, "DELETE FROM alerts WHERE id IN "+which, args...))
}

// deleteLabels deletes the labels of decisions whose last one is too old, so that
// none is left without what undoes it. The newest row stays: ids are not given
// out again.
func deleteLabels(ctx context.Context, tx *sql.Tx, before int64) (int64, error) {
	return rows(tx.ExecContext(ctx, `DELETE FROM labels WHERE id IN (SELECT id FROM labels l WHERE time < ?
		AND NOT EXISTS (SELECT 1 FROM labels n WHERE n.source = l.source AND n.event_id = l.event_id AND n.time >= ?)
		AND id < (SELECT MAX(id) FROM labels) ORDER BY id LIMIT ?)`, before, before, sweepRows))
}

func deleteDraws(ctx context.Context, tx *sql.Tx, before int64) (int64, error) {
	return rows(tx.ExecContext(ctx, `DELETE FROM draws WHERE (source, event_id) IN
		(SELECT source, event_id FROM draws WHERE drawn_at < ? ORDER BY drawn_at LIMIT ?)`, before, sweepRows))
}

// deleteFrames deletes what draws were from.
func deleteFrames(ctx context.Context, tx *sql.Tx, before int64) (int64, error) {
	return rows(tx.ExecContext(ctx, `DELETE FROM frames WHERE act IN
		(SELECT act FROM frames WHERE drawn_at < ? ORDER BY drawn_at LIMIT ?)`, before, sweepRows))
}

func deleteVerdicts(ctx context.Context, tx *sql.Tx, before int64) (int64, error) {
	return rows(tx.ExecContext(ctx, `DELETE FROM verdicts WHERE (source, event_id) IN
		(SELECT source, event_id FROM verdicts WHERE time < ? ORDER BY time LIMIT ?)`, before, sweepRows))
}

func deleteHits(ctx context.Context, tx *sql.Tx, before int64) (int64, error) {
	return rows(tx.ExecContext(ctx, `DELETE FROM rule_hits WHERE (rule, day, node) IN
		(SELECT rule, day, node FROM rule_hits WHERE day < ? LIMIT ?)`, before/int64(day), sweepRows))
}

// rows is how many a statement has changed.
func rows(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
