package pipeline

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/queue"
)

// maxSources bounds how many sources are counted apart; the rest share one
// counter named "other".
const maxSources = 1000

// SourceCount is what the pipeline made of the records of a source since it
// started.
type SourceCount struct {
	Name                   string
	Parsed, Failed, Stored uint64
}

type sources struct {
	mu      sync.Mutex
	metrics *metrics
	byName  map[string]*sourceStats
}

type sourceStats struct {
	name                   string
	metrics                *metrics
	parsed, failed, stored atomic.Uint64
	parsedTotal            prometheus.Counter
	storedTotal            prometheus.Counter
	lag                    prometheus.Gauge
}

func newSources(m *metrics) *sources {
	return &sources{metrics: m, byName: map[string]*sourceStats{}}
}

func (s *sources) of(name string) *sourceStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.byName[name]; st != nil {
		return st
	}
	if len(s.byName) >= maxSources {
		name = "other"
		if st := s.byName[name]; st != nil {
			return st
		}
	}
	label := strings.ToValidUTF8(name, "?")
	st := &sourceStats{
		name: label, metrics: s.metrics,
		parsedTotal: s.metrics.parsed.WithLabelValues(label),
		storedTotal: s.metrics.stored.WithLabelValues(label),
		lag:         s.metrics.lag.WithLabelValues(label),
	}
	s.byName[name] = st
	return st
}

// countParsed counts a record that a parser understood.
func (s *sourceStats) countParsed() {
	s.parsed.Add(1)
	s.parsedTotal.Inc()
}

// countFailed counts a record that no parser understood.
func (s *sourceStats) countFailed(reason string) {
	s.failed.Add(1)
	s.metrics.failed.WithLabelValues(s.name, reason).Inc()
}

// countStored counts the records of a batch and how old they are.
func (s *sources) countStored(b queue.Batch, now time.Time) {
	for i := range b.Groups {
		g := &b.Groups[i]
		if len(g.Records) == 0 || g.Format == ControlFormat {
			continue
		}
		st := s.of(g.Source)
		st.stored.Add(uint64(len(g.Records)))
		st.storedTotal.Add(float64(len(g.Records)))
		st.lag.Set(float64(now.UnixNano()-g.Records[0].Received) / 1e9)
	}
}

// Sources returns the counters of all sources.
func (p *Pipeline) Sources() []SourceCount {
	p.sources.mu.Lock()
	defer p.sources.mu.Unlock()
	all := make([]SourceCount, 0, len(p.sources.byName))
	for _, s := range p.sources.byName {
		all = append(all, SourceCount{s.name, s.parsed.Load(), s.failed.Load(), s.stored.Load()})
	}
	return all
}
