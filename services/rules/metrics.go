package rules

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// metrics say what is in use, what it finds, and what correlations hold and had to
// leave out: whoever floods them must not do so unseen.
type metrics struct {
	rules, rejected      *prometheus.GaugeVec
	failures             prometheus.Counter
	stale, success       prometheus.Gauge
	matches              *prometheus.CounterVec
	mu                   sync.Mutex
	known                map[string]bool // rules that may have a count
	groups, bytes        prometheus.Gauge
	late, evicted, fired prometheus.Counter
	truncated            prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatewatch_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "gatewatch_" + name, Help: help})
	}
	m := &metrics{
		rules: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "gatewatch_rules", Help: "Rules and correlations in use.",
		}, []string{"kind"}),
		rejected: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "gatewatch_rules_rejected", Help: "Documents that are not in use: invalid, with a reference to what is not there, duplicate, or unreadable.",
		}, []string{"reason"}),
		failures: counter("rules_reload_failures_total", "Times that changed rules could not be put in use."),
		stale:    gauge("rules_stale", "1 while the rules in use are not those of now, because these cannot be used."),
		success:  gauge("rules_last_reload_timestamp_seconds", "When the rules of now were last found in use or put in use."),
		matches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_rule_matches_total", Help: "Events that a rule matched, and times that a correlation fired. Those of silent rules count.",
		}, []string{"rule"}),
		groups:    gauge("correlation_groups", "Groups that correlations follow."),
		bytes:     gauge("correlation_bytes", "Memory that the groups take."),
		fired:     counter("correlation_fired_total", "Times that correlations fired."),
		late:      counter("correlation_late_events_total", "Events left out of a group because they came later than rules.correlation_lateness."),
		evicted:   counter("correlation_evicted_groups_total", "Groups given up because of rules.correlation_memory."),
		truncated: counter("correlation_truncated_groups_total", "Groups that lost old events because they had too many."),
	}
	if reg != nil {
		reg.MustRegister(m.rules, m.rejected, m.failures, m.stale, m.success, m.matches,
			m.groups, m.bytes, m.fired, m.late, m.evicted, m.truncated)
	}
	return m
}

func (m *metrics) reloadFailed() {
	m.failures.Inc()
	m.stale.Set(1)
}

func (m *metrics) reloaded(s *Set, now time.Time) {
	m.stale.Set(0)
	m.success.Set(float64(now.UnixMilli()) / 1000)
	rules, correlations := s.Rules()
	m.rules.WithLabelValues("rule").Set(float64(rules))
	m.rules.WithLabelValues("correlation").Set(float64(correlations))
	n := s.rejections
	for reason, count := range map[string]int{
		"invalid": n.invalid, "reference": n.reference, "duplicate": n.duplicate, "unreadable": n.unreadable,
	} {
		m.rejected.WithLabelValues(reason).Set(float64(count))
	}
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

// ruleLabel is the id of a rule as far as it fits into a label.
func ruleLabel(id string) string {
	const most = 200 // bytes
	return strings.ToValidUTF8(id[:min(len(id), most)], "")
}

// count adds matches of a rule, unless it is no more.
func (m *metrics) count(id string, n uint64) {
	id = ruleLabel(id)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[id] {
		m.matches.WithLabelValues(id).Add(float64(n))
	}
}

// keep drops the counts of rules that are not in a set.
func (m *metrics) keep(s *Set) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := map[string]bool{}
	for _, d := range s.documents {
		now[ruleLabel(d.ID)] = true
	}
	for id := range m.known {
		if !now[id] {
			m.matches.DeleteLabelValues(id)
		}
	}
	m.known = now
}
