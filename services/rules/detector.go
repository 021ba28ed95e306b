package rules

import (
	"sync"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// detector runs the rules of a set.
type detector struct {
	mu sync.Mutex // for those who look at the groups beside the pipeline; set does not change

	set        *Set
	matcher    *sigma.Matcher
	correlator *sigma.Correlator
	matches    []sigma.Match

	metrics *metrics
	told    sigma.CorrelatorStats // what the metrics know
	since   int                   // events since they were told
	hits    []uint64              // by rule, those that the metrics do not know
	hit     []int                 // rules that have some
	fires   map[string]uint64     // the same of correlations, by id

	event *event.Event        // at hand
	found []detection.Finding // in it
}

func newDetector(s *Set, cfg sigma.CorrelatorConfig, m *metrics) *detector {
	return &detector{
		set: s, matcher: s.engine.NewMatcher(), correlator: sigma.NewCorrelator(s.links, cfg), metrics: m,
		hits: make([]uint64, len(s.rules)), fires: map[string]uint64{},
	}
}

// Detect implements [detection.Detector].
func (d *detector) Detect(dst []detection.Finding, e *event.Event) []detection.Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.matches = d.matcher.Match(d.matches[:0], e)
	for _, m := range d.matches {
		if d.hits[m.Index]++; d.hits[m.Index] == 1 {
			d.hit = append(d.hit, m.Index)
		}
		if !d.set.links.Silent(m.Index) {
			dst = append(dst, detection.Finding{Rule: d.set.rules[m.Index], Event: e})
		}
	}
	d.event, d.found = e, dst
	d.correlator.Observe(e, d.matches, d.fire)
	dst, d.event, d.found = d.found, nil, nil
	if d.since++; d.since == tellEvents {
		d.tell()
	}
	return dst
}

// tellEvents is after how many events the metrics are brought up to date, and at
// each snapshot.
const tellEvents = 1024

func (d *detector) tell() {
	d.since = 0
	now := d.correlator.Stats()
	d.metrics.update(d.told, now)
	d.told = now
	for _, i := range d.hit {
		d.metrics.count(d.set.rules[i].ID, d.hits[i])
		d.hits[i] = 0
	}
	d.hit = d.hit[:0]
	for id, n := range d.fires {
		d.metrics.count(id, n)
	}
	clear(d.fires)
}

// fire adds the finding of a correlation.
func (d *detector) fire(f *sigma.Firing) {
	group := make([]detection.Member, len(f.Values))
	for i, v := range f.Values {
		group[i] = detection.Member{Field: f.Correlation.GroupBy[i], Value: v}
	}
	d.fires[f.Correlation.Key()]++
	finding := detection.Finding{
		Rule: d.set.correlations[f.Correlation], Event: d.event, Group: group, Start: f.From, End: f.To,
	}
	if f.Correlation.Type == sigma.EventCount {
		finding.Count = int64(f.Value)
	}
	d.found = append(d.found, finding)
}

// Snapshot implements [detection.Detector].
func (d *detector) Snapshot(dst []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell()
	return d.correlator.AppendSnapshot(dst)
}

// Restore implements [detection.Detector].
func (d *detector) Restore(b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.correlator.Restore(b) // what no longer fits was of rules that changed
	d.told = d.correlator.Stats()     // the snapshot's counts were told before
	return err
}
