package triage

import "github.com/prometheus/client_golang/prometheus"

// What became of a copy that a shadow took up.
const (
	shadowMatched    = "matched"    // rules that count name it
	shadowNothing    = "nothing"    // no rule that counts matches
	shadowFailed     = "failed"     // the rules came to no end, or panicked
	shadowUnreadable = "unreadable" // its key is gone, or it is damaged
	shadowUnknown    = "unknown"    // its decision is not stored, or not yet
	shadowSettled    = "settled"    // there is a label, no verdict, or it was judged before: not counted
)

// shadowMetrics are what /metrics shows of the shadow evaluation.
type shadowMetrics struct {
	copies  *prometheus.CounterVec // by result
	seconds prometheus.Counter
}

func newShadowMetrics(reg prometheus.Registerer) *shadowMetrics {
	m := &shadowMetrics{
		copies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_triage_shadow_copies_total",
			Help: "Kept requests that were taken up to be judged again at paranoia level 4, by the result.",
		}, []string{"result"}),
		seconds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_triage_shadow_seconds_total",
			Help: "Time at work to judge kept requests again at paranoia level 4, of one processor at most.",
		}),
	}
	reg.MustRegister(m.copies, m.seconds)
	return m
}
