package pipeline

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	parsed, stored, failed *prometheus.CounterVec
	lag                    *prometheus.GaugeVec
	lost                   prometheus.Counter
	offset, full           prometheus.Gauge
	batchSeconds           prometheus.Histogram

	findings, detectErrors prometheus.Counter
	verdicts               prometheus.Counter
	checkpointSeconds      prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		parsed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_pipeline_parsed_records_total", Help: "Records that a parser understood.",
		}, []string{"source"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_pipeline_failed_records_total", Help: "Records that no parser understood; they are stored with error.message.",
		}, []string{"source", "reason"}),
		stored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatewatch_pipeline_stored_records_total", Help: "Records whose event can be found.",
		}, []string{"source"}),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "gatewatch_pipeline_lag_seconds", Help: "Time from the reception of the last stored record until it could be found.",
		}, []string{"source"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_pipeline_lost_records_total", Help: "Records that the queue could not give back because of damage.",
		}),
		offset: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatewatch_pipeline_queue_offset", Help: "Offset of the queue up to which events are stored.",
		}),
		full: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatewatch_pipeline_store_full", Help: "1 while the store refuses events for lack of room.",
		}),
		batchSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatewatch_pipeline_batch_seconds", Help: "Time to parse and store one batch of the queue.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}),
		findings: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_detect_findings_total", Help: "Findings that were written to the store.",
		}),
		detectErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_detect_errors_total", Help: "Rules or states of detectors that could not be used; the log names them.",
		}),
		verdicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatewatch_detect_verdicts_total", Help: "Decisions of WAFs that were judged here, since they came without a verdict.",
		}),
		checkpointSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatewatch_detect_checkpoint_seconds", Help: "Time to save the state of the detectors.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
	}
	if reg != nil {
		reg.MustRegister(m.parsed, m.failed, m.stored, m.lag, m.lost, m.offset, m.full, m.batchSeconds,
			m.findings, m.detectErrors, m.verdicts, m.checkpointSeconds)
	}
	return m
}
