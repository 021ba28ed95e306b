package waf

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what /metrics shows of a node.
type metrics struct {
	requests           *prometheus.CounterVec // by site, decision, action
	reasons            *prometheus.CounterVec // by site, reason: acts against or without the rules
	evaluation         *prometheus.HistogramVec
	upstreamErrors     *prometheus.CounterVec
	truncated          *prometheus.CounterVec
	inflight           prometheus.Gauge
	connectionsRefused prometheus.Counter
	reloads            *prometheus.CounterVec
	streamConnected    prometheus.Gauge
	streamAcked        prometheus.Gauge
	streamErrors       prometheus.Counter
}

func newMetrics(reg *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_waf_requests_total",
			Help: "Requests by site, decision of the rules and what was done.",
		}, []string{"site", "decision", "action"}),
		reasons: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_waf_exceptions_total",
			Help: "Requests that were answered without or against the rules, by reason.",
		}, []string{"site", "reason"}),
		evaluation: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gatewatch_waf_evaluation_seconds",
			Help:    "Time in the rules per request.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"site"}),
		upstreamErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_waf_upstream_errors_total",
			Help: "Requests that an upstream failed to answer.",
		}, []string{"site", "upstream"}),
		truncated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_waf_truncated_bodies_total",
			Help: "Request bodies of which only the first part was judged.",
		}, []string{"site"}),
		inflight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatewatch_waf_requests_in_flight",
			Help: "Requests that are being served.",
		}),
		connectionsRefused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_waf_connections_refused_total",
			Help: "Connections that were closed because their address had too many.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_waf_reloads_total",
			Help: "Reloads of the configuration.",
		}, []string{"result"}),
		streamConnected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatewatch_waf_stream_connected",
			Help: "1 while the server takes events.",
		}),
		streamAcked: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatewatch_waf_stream_acked_sequence",
			Help: "Sequence number of the last acknowledged record.",
		}),
		streamErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_waf_stream_errors_total",
			Help: "Streams to the server that failed or ended.",
		}),
	}
	reg.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "gatewatch_waf_acceleration_checks_total",
			Help: "Evaluations by Coraza alone in which acceleration was checked.",
		}, func() float64 { return float64(checksMade.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "gatewatch_waf_acceleration_failures_total",
			Help: "Checks that found a request in which acceleration changes what the rules find; it is off then.",
		}, func() float64 { return float64(checksFailed.Load()) }))
	reg.MustRegister(m.requests, m.reasons, m.evaluation, m.upstreamErrors, m.truncated, m.inflight, m.connectionsRefused, m.reloads,
		m.streamConnected, m.streamAcked, m.streamErrors)
	return m
}

// watchSpool shows the state of a spool whenever the metrics are read.
func watchSpool(reg *prometheus.Registry, s *Spool) {
	gauge := func(name, help string, value func(SpoolStats) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(s.Stats()) }))
	}
	counter := func(name, help string, value func(SpoolStats) float64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return value(s.Stats()) }))
	}
	gauge("gatewatch_waf_spool_records", "Records that the server has not acknowledged.",
		func(t SpoolStats) float64 { return float64(t.Records) })
	gauge("gatewatch_waf_spool_bytes", "Size of the spool on disk.",
		func(t SpoolStats) float64 { return float64(t.Bytes) })
	counter("gatewatch_waf_spool_refused_total", "Records that a full or failing spool refused.",
		func(t SpoolStats) float64 { return float64(t.Refused) })
	counter("gatewatch_waf_spool_damaged_total", "Records lost to damage on disk.",
		func(t SpoolStats) float64 { return float64(t.Damaged) })
}
