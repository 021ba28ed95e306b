package queue

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of one log.
type metrics struct {
	records, bytes, rounds        prometheus.Counter
	failures                      prometheus.Counter
	refused                       *prometheus.CounterVec
	gaps, lost, torn              prometheus.Counter
	sync                          prometheus.Histogram
	refusing, logBytes, freeBytes prometheus.Gauge
}

// newMetrics makes the metrics and registers them with reg unless it is nil.
func newMetrics(reg prometheus.Registerer, d *Disk) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "gatewatch", Subsystem: "queue", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "gatewatch", Subsystem: "queue", Name: name, Help: help})
	}
	m := &metrics{
		records:  counter("appended_records_total", "Records made durable."),
		bytes:    counter("appended_bytes_total", "Bytes made durable, with framing."),
		rounds:   counter("rounds_total", "Group commits: one write and one sync each."),
		failures: counter("write_failures_total", "Group commits that failed; their records were not acknowledged."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "gatewatch", Subsystem: "queue", Name: "refused_records_total",
			Help: "Records not taken, by reason.",
		}, []string{"reason"}),
		gaps: counter("gaps_total", "Ranges of records that readers found to be lost."),
		lost: counter("lost_records_total", "Records in those ranges."),
		torn: counter("torn_bytes_total", "Bytes after the last whole frame found at start."),
		sync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "gatewatch", Subsystem: "queue", Name: "sync_seconds",
			Help:    "Duration of write and sync of one group commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		refusing:  gauge("refusing", "1 while input is refused for want of space."),
		logBytes:  gauge("bytes", "Size of the log on disk."),
		freeBytes: gauge("free_bytes", "Free space of the disk at the last group commit."),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.records, m.bytes, m.rounds, m.failures, m.refused, m.gaps, m.lost, m.torn,
		m.sync, m.refusing, m.logBytes, m.freeBytes,
		positions{d},
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// positions reports the offsets of the log and its consumers when asked.
type positions struct{ d *Disk }

var (
	nextDesc = prometheus.NewDesc("gatewatch_queue_next_offset", "Offset of the next record.", nil, nil)
	lagDesc  = prometheus.NewDesc("gatewatch_queue_lag_records", "Records a consumer has not committed. Those that are stored in memory only, and those that detectors start from again, count too, so it is not 0 on an idle server: see gatewatch_pipeline_waiting_records.", []string{"consumer"}, nil)
)

func (p positions) Describe(ch chan<- *prometheus.Desc) {
	ch <- nextDesc
	ch <- lagDesc
}

func (p positions) Collect(ch chan<- prometheus.Metric) {
	oldest, next := p.d.Bounds()
	ch <- prometheus.MustNewConstMetric(nextDesc, prometheus.GaugeValue, float64(next))
	for name, at := range p.d.commits.state().consumers {
		ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(next-max(at, oldest)), name)
	}
}
