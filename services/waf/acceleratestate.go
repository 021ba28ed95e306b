package waf

import "github.com/prometheus/client_golang/prometheus"

// accelerated tells of each site whether its rules are accelerated, whenever the
// metrics are read.
type accelerated struct{ node *Node }

var acceleratedDesc = prometheus.NewDesc("gatewatch_waf_accelerated",
	"1 while rules that cannot match are left out; 0 where that is off, an own directive does not allow it, or a check has ended it.",
	[]string{"site"}, nil)

// Describe implements [prometheus.Collector].
func (accelerated) Describe(to chan<- *prometheus.Desc) { to <- acceleratedDesc }

// Collect implements [prometheus.Collector].
func (a accelerated) Collect(to chan<- prometheus.Metric) {
	for _, s := range a.node.state.Load().sites {
		value := 0.
		if s.engine.accelerates() {
			value = 1
		}
		to <- prometheus.MustNewConstMetric(acceleratedDesc, prometheus.GaugeValue, value, s.name)
	}
}

// accelerates tells whether rules are left out that cannot match.
func (e *Engine) accelerates() bool {
	return e.settings.Accelerate == accelerateOn && !e.sifting.checks.failed.Load()
}
