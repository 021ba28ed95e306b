package rules

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// metrics say what correlations hold and what they had to leave out: whoever
// floods them must not do so unseen.
type metrics struct {
	groups, bytes                   prometheus.Gauge
	late, evicted, truncated, fired prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatewatch_correlation_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "gatewatch_correlation_" + name, Help: help})
	}
	m := &metrics{
		groups:    gauge("groups", "Groups that correlations follow."),
		bytes:     gauge("bytes", "Memory that the groups take."),
		fired:     counter("fired_total", "Times that correlations fired."),
		late:      counter("late_events_total", "Events left out of a group because they came later than rules.correlation_lateness."),
		evicted:   counter("evicted_groups_total", "Groups given up because of rules.correlation_memory."),
		truncated: counter("truncated_groups_total", "Groups that lost old events because they had too many."),
	}
	if reg != nil {
		reg.MustRegister(m.groups, m.bytes, m.fired, m.late, m.evicted, m.truncated)
	}
	return m
}

// update brings the metrics from what they were told before to what is so now.
func (m *metrics) update(before, now sigma.CorrelatorStats) {
	m.groups.Set(float64(now.Groups))
	m.bytes.Set(float64(now.Bytes))
	m.fired.Add(float64(now.Fired - before.Fired))
	m.late.Add(float64(now.Late - before.Late))
	m.evicted.Add(float64(now.Evicted - before.Evicted))
	m.truncated.Add(float64(now.Truncated - before.Truncated))
}
