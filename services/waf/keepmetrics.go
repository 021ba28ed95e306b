package waf

import "github.com/prometheus/client_golang/prometheus"

// keepMetrics are what /metrics shows of the requests that are kept for replay.
type keepMetrics struct {
	copies     *prometheus.CounterVec // by site, why
	unfaithful *prometheus.CounterVec // by site
	dropped    *prometheus.CounterVec // by site, reason
}

// Why a request was not kept that should have been.
const (
	dropBehind  = "behind"     // they came faster than copies are made
	dropThinned = "thinned"    // so did those of a sample, whose probability is lower now
	dropSpool   = "spool_full" // the spool has room for events only
	dropSize    = "too_large"
	dropError   = "error"
)

func newKeepMetrics(reg *prometheus.Registry) *keepMetrics {
	m := &keepMetrics{
		copies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_waf_copies_total",
			Help: "Requests that were kept for replay, by the reason: blocked, suspect or sample.",
		}, []string{"site", "kept"}),
		unfaithful: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_waf_copies_unfaithful_total",
			Help: "Requests that were kept for replay of whose masked copy the rules decide something else.",
		}, []string{"site"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_waf_copies_dropped_total",
			Help: "Requests that should have been kept for replay and were not, by the reason.",
		}, []string{"site", "reason"}),
	}
	reg.MustRegister(m.copies, m.unfaithful, m.dropped)
	return m
}
