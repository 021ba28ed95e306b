package alert

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what came of messages.
type metrics struct {
	tries  *prometheus.CounterVec
	errors prometheus.Counter
}

func newMetrics(o Options) *metrics {
	m := &metrics{
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_notify_tries_total",
			Help: "Tries to send messages about findings, by kind (finding, digest) and result: delivered, failed (sent again) or dead (given up).",
		}, []string{"kind", "result"}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_notify_errors_total", Help: "Looks for findings to tell that failed, such as on a full disk; they are repeated.",
		}),
	}
	if o.Metrics != nil {
		o.Metrics.MustRegister(m.tries, m.errors, newBacklog(o))
	}
	return m
}

// backlog shows what waits, as the state has it.
type backlog struct {
	o             Options
	pending, held *prometheus.Desc
}

func newBacklog(o Options) *backlog {
	return &backlog{
		o,
		prometheus.NewDesc("gatewatch_notify_pending_messages", "Messages about findings that were not taken yet.", nil, nil),
		prometheus.NewDesc("gatewatch_notify_held_findings", "Findings without a message of their own that no digest has told of yet.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (b *backlog) Describe(c chan<- *prometheus.Desc) { c <- b.pending; c <- b.held }

// Collect implements [prometheus.Collector].
func (b *backlog) Collect(c chan<- prometheus.Metric) {
	n, err := b.o.State.CountNotices(context.Background())
	if err != nil {
		c <- prometheus.NewInvalidMetric(b.pending, err)
		return
	}
	c <- prometheus.MustNewConstMetric(b.pending, prometheus.GaugeValue, float64(n.Pending))
	c <- prometheus.MustNewConstMetric(b.held, prometheus.GaugeValue, float64(n.Held))
}
