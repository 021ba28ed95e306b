package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of one store.
type metrics struct {
	reg  prometheus.Registerer
	all  []prometheus.Collector
	rows prometheus.Counter

	skipped  prometheus.Counter
	refused  prometheus.Counter
	failures prometheus.Counter
	flushes  prometheus.Counter
	merges   prometheus.Counter
	deleted  *prometheus.CounterVec
	damaged  prometheus.Counter
	mended   prometheus.Counter
	unmended prometheus.Counter
	lost     prometheus.Counter
	scrubbed prometheus.Counter
	partial  prometheus.Counter
	writing  prometheus.Counter
	flushing prometheus.Counter
	queries  *prometheus.HistogramVec
}

// newMetrics makes the metrics of a store and registers them if it has a
// registry.
func newMetrics(s *Columnar) *metrics {
	m := &metrics{reg: s.cfg.Metrics}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "gatewatch", Subsystem: "store", Name: name, Help: help})
		m.all = append(m.all, c)
		return c
	}
	gauge := func(name, help string, f func() float64) {
		m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "gatewatch", Subsystem: "store", Name: name, Help: help}, f))
	}
	m.rows = counter("rows_written_total", "Events stored.")
	m.skipped = counter("rows_skipped_total", "Events of a replay that were stored before.")
	m.refused = counter("writes_refused_total", "Batches refused because the disk is nearly full.")
	m.failures = counter("flush_failures_total", "Segments that could not be written; they are tried again.")
	m.flushes = counter("flushes_total", "Segments written from memory.")
	m.merges = counter("merges_total", "Segments written by merging smaller ones.")
	m.damaged = counter("damaged_blocks_total", "Blocks found damaged, by query, by scrub or at start.")
	m.scrubbed = counter("segments_scrubbed_total", "Segments that were read through for damage in the background.")
	m.mended = counter("segments_mended_total", "Damaged segments that were made whole from the queue.")
	m.unmended = counter("segments_unmended_total", "Damaged segments that could not be made whole.")
	m.lost = counter("rows_lost_total", "Events of damaged segments that could not be made again; the files are in the quarantine of the store.")
	m.partial = counter("partial_queries_total", "Queries whose answer was not whole.")
	m.writing = counter("write_seconds_total", "Time spent in writes.")
	m.flushing = counter("flush_seconds_total", "Time spent writing segments.")
	m.queries = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "gatewatch", Subsystem: "store", Name: "query_seconds", Help: "Time of queries by kind.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
	}, []string{"kind"})
	m.deleted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "gatewatch", Subsystem: "store", Name: "rows_deleted_total", Help: "Events deleted by retention, by reason.",
	}, []string{"reason"})
	m.all = append(m.all, m.queries, m.deleted, streamSizes{s})
	gauge("disk_free_bytes", "Free space of the disk.", func() float64 { return float64(s.free.Load()) })
	gauge("disk_level", "0 while the disk has room, 1 below store.low_free_bytes, 2 below store.min_free_bytes: events are refused.",
		func() float64 { return float64(s.level.Load()) })
	gauge("rows", "Events held.", func() float64 { r, _, _ := s.totals(); return float64(r) })
	gauge("bytes", "Bytes of all segments.", func() float64 { _, b, _ := s.totals(); return float64(b) })
	gauge("segments", "Segments held.", func() float64 { _, _, n := s.totals(); return float64(n) })
	gauge("damaged_segments", "Segments with blocks that are known to be damaged.", func() float64 { return float64(s.Damaged()) })
	gauge("head_rows", "Events in memory only.", func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return float64(s.head.rows)
	})
	gauge("head_bytes", "Bytes of values and blocks in memory only, about.", func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		n, _ := s.head.bytes()
		return float64(n)
	})
	if m.reg != nil {
		m.reg.MustRegister(m.all...)
	}
	return m
}

// totals returns what the store holds.
func (s *Columnar) totals() (rows, bytes int64, segments int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.segments {
		rows += f.info.Rows
		bytes += f.info.Bytes
	}
	return rows + int64(s.head.rows), bytes, len(s.segments)
}

// Damaged returns how many segments have blocks that are known to be damaged.
func (s *Columnar) Damaged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.segments {
		if f.damaged > 0 || len(f.faulty) > 0 {
			n++
		}
	}
	return n
}

// streamSizes counts what each stream holds on disk.
type streamSizes struct{ store *Columnar }

var (
	streamBytes = prometheus.NewDesc("gatewatch_store_stream_bytes", "Bytes of the segments of a stream.", []string{"stream"}, nil)
	streamRows  = prometheus.NewDesc("gatewatch_store_stream_rows", "Events in the segments of a stream.", []string{"stream"}, nil)
)

// Describe implements [prometheus.Collector].
func (c streamSizes) Describe(ch chan<- *prometheus.Desc) { ch <- streamBytes; ch <- streamRows }

// Collect implements [prometheus.Collector].
func (c streamSizes) Collect(ch chan<- prometheus.Metric) {
	c.store.mu.Lock()
	all := byStream(c.store.segments)
	c.store.mu.Unlock()
	for name, segments := range all {
		var bytes, rows int64
		for _, f := range segments {
			bytes += f.info.Bytes
			rows += f.info.Rows
		}
		ch <- prometheus.MustNewConstMetric(streamBytes, prometheus.GaugeValue, float64(bytes), name)
		ch <- prometheus.MustNewConstMetric(streamRows, prometheus.GaugeValue, float64(rows), name)
	}
}

func (m *metrics) unregister() {
	if m.reg == nil {
		return
	}
	for _, c := range m.all {
		m.reg.Unregister(c)
	}
}

func (m *metrics) written(rows int, d time.Duration) {
	m.rows.Add(float64(rows))
	m.writing.Add(d.Seconds())
}

func (m *metrics) flushed(d time.Duration) {
	m.flushes.Inc()
	m.flushing.Add(d.Seconds())
}

// query counts a query that ended.
func (m *metrics) query(kind string, st *Stats) {
	m.queries.WithLabelValues(kind).Observe(st.Duration.Seconds())
	if len(st.Partial) > 0 {
		m.partial.Inc()
	}
}
