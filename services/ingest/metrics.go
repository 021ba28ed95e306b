package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
)

// collector shows the counters of a Sink. The source label has at most
// Config.MaxSources values, the reason label those of [Reason].
type collector struct{ s *Sink }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("gatewatch_ingest_"+name, help, labels, nil)
}

var (
	descReceived   = desc("received_records_total", "Records made durable.", "source")
	descBytes      = desc("received_bytes_total", "Bytes of records made durable.", "source")
	descDuplicates = desc("duplicate_records_total", "Records dropped because the source had sent them before.", "source")
	descConflicts  = desc("conflicting_records_total", "Records dropped because the source had sent another one under the same id.", "source")
	descMissing    = desc("missing_records_total", "Records that a node lost before it sent them.", "source")
	descCut        = desc("cut_records_total", "Records cut to the largest size.", "source")
	descCutBytes   = desc("cut_bytes_total", "Bytes cut off records over the largest size.", "source")
	descRefused    = desc("refused_records_total", "Records not taken, by reason.", "source", "reason")
	descInFlight   = desc("in_flight_bytes", "Memory held by records that are not yet durable.")
	descPositions  = desc("positions", "Sequence spaces remembered.")
	descForgotten  = desc("forgotten_positions_total", "Sequence spaces forgotten for want of room.")
	descIDs        = desc("ids", "Client ids remembered.")
)

// Describe implements [prometheus.Collector].
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descReceived, descBytes, descDuplicates, descConflicts, descMissing, descCut, descCutBytes,
		descRefused, descInFlight, descPositions, descForgotten, descIDs,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v int64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
	for _, n := range c.s.Sources() {
		counter(descReceived, n.Received, n.Name)
		counter(descBytes, n.Bytes, n.Name)
		counter(descDuplicates, n.Duplicates, n.Name)
		counter(descConflicts, n.Conflicts, n.Name)
		counter(descMissing, n.Missing, n.Name)
		counter(descCut, n.Cut, n.Name)
		counter(descCutBytes, n.CutBytes, n.Name)
		for reason, k := range n.Refused {
			counter(descRefused, k, n.Name, string(reason))
		}
	}
	positions, forgotten := c.s.positions.size()
	gauge(descInFlight, c.s.memory.inUse())
	gauge(descPositions, int64(positions))
	counter(descForgotten, forgotten)
	gauge(descIDs, int64(c.s.ids.size()))
}
