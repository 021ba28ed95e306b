package triage

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Bounds of the shadow evaluation.
const (
	shadowEach  = time.Minute
	shadowScan  = 2000             // copies of one kind that a round looks at, the newest
	shadowChunk = 50               // of them, whose decisions are read at once
	shadowLooks = 10               // chunks of one kind in a round
	shadowLater = 10 * time.Minute // after which a copy without a decision is looked at again
	shadowAgain = time.Hour        // and any other: an undone label may have taken the evidence away
	shadowKnown = 100_000          // copies that are remembered
)

// ShadowOptions are the parts of a shadow.
type ShadowOptions struct {
	Desk   *Desk
	Config ShadowConfig
	Copies *kept.Library
	// Open is called once, before the first copy is judged. What it returns gives
	// the ids of the rules above paranoia level 1 that match a copy.
	Open    func() (ShadowRules, error)
	Metrics prometheus.Registerer
}

// ShadowRules judges a copy, in bounded time.
type ShadowRules func(*kept.Copy) ([]int, error)

// Shadow judges kept requests again by sterner rules, behind everything else, and
// makes what it finds evidence of a later revision of their verdicts: the newest
// allowed ones that were suspect, and of the random sample. Only the ids of rules
// leave it. A request is judged once, as the evidence of its newest revision tells,
// also over restarts. Rates are not touched: they rest on the verdict of the moment.
//
// It is one goroutine, which rests after each step so that it takes no more than
// its share of one processor.
type Shadow struct {
	ShadowOptions
	metrics *shadowMetrics
	rules   ShadowRules            // nil until the first copy
	left    map[copyName]time.Time // copies to leave alone, and until when
	rest    func(context.Context, time.Duration)
	began   time.Time // of the step under way
}

// copyName names a copy: ids that proxies give need not be unique.
type copyName struct {
	Source, ID string
	Time       int64
}

func nameOf(c *kept.Copy) copyName { return copyName{c.Source, c.ID, c.Time.UnixNano()} }

// NewShadow makes a shadow.
func NewShadow(o ShadowOptions) *Shadow {
	return &Shadow{ShadowOptions: o, metrics: newShadowMetrics(o.Metrics), left: map[copyName]time.Time{}, rest: wait}
}

// wait waits, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Run judges copies each minute until ctx ends.
func (s *Shadow) Run(ctx context.Context) {
	tick := time.NewTicker(shadowEach)
	defer tick.Stop()
	for {
		if n, err := s.Round(ctx); err != nil && ctx.Err() == nil {
			s.Desk.Log.Error("kept requests are not judged again", "judged", n, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Round judges as many copies as one minute may have, and returns how many. Two
// thirds at most are suspect ones, so that a flood of these leaves room for the
// sample.
func (s *Shadow) Round(ctx context.Context) (n int, err error) {
	now := s.Desk.Now()
	for name, until := range s.left {
		if !until.After(now) {
			delete(s.left, name)
		}
	}
	if len(s.left) > shadowKnown {
		clear(s.left) // the revisions know it all the same
	}
	most := s.Config.PerMinute
	n, err = s.some(ctx, kept.Suspect, (2*most+2)/3)
	if err != nil {
		return n, err
	}
	sampled, err := s.some(ctx, kept.Sampled, most-n)
	return n + sampled, err
}

// some judges copies that were kept for one reason.
func (s *Shadow) some(ctx context.Context, why string, most int) (n int, err error) {
	for looks := 0; looks < shadowLooks && n < most && ctx.Err() == nil; looks++ {
		s.begin()
		copies, err := s.newest(ctx, why)
		if err != nil || len(copies) == 0 {
			s.pace(ctx)
			return n, err
		}
		found, err := s.decided(ctx, copies)
		s.pace(ctx)
		if err != nil {
			return n, err
		}
		for i := range copies {
			if n == most || ctx.Err() != nil {
				break
			}
			s.begin()
			judged, err := s.take(ctx, &copies[i], found[nameOf(&copies[i])])
			s.pace(ctx)
			if err != nil {
				return n, err
			}
			if judged {
				n++
			}
		}
	}
	return n, ctx.Err()
}

// begin begins a step, and pace ends it with the rest that its share demands.
func (s *Shadow) begin() { s.began = s.Desk.Now() }

func (s *Shadow) pace(ctx context.Context) {
	took := max(0, s.Desk.Now().Sub(s.began))
	s.metrics.seconds.Add(took.Seconds())
	s.rest(ctx, time.Duration(float64(took)*(1/s.Config.Share-1)))
}

// newest describes the newest copies that the shadow is not through with. A copy
// about which the rules decide otherwise than about the request is left out: it
// says nothing of the request.
func (s *Shadow) newest(ctx context.Context, why string) (all []kept.Copy, err error) {
	seen := 0
	q := kept.Query{
		Filter: "waf.kept: " + why + " and waf.decision: allow and waf.replay_faithful: true",
		From:   s.Desk.Now().Add(-reviseSpan),
	}
	_, err = s.Copies.Find(ctx, q, func(e *event.Event) error {
		if seen++; seen > shadowScan || len(all) == shadowChunk {
			return errEnough
		}
		c := kept.Describe(e)
		if _, ok := s.left[nameOf(&c)]; !ok && c.ID != "" {
			all = append(all, c)
		}
		return ctx.Err()
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return all, err
}

// leave says that a copy is done with, or for a time if it is not.
func (s *Shadow) leave(c *kept.Copy, result string) {
	again := shadowAgain
	if result == shadowUnknown {
		again = shadowLater
	}
	s.left[nameOf(c)] = s.Desk.Now().Add(again)
	if result != shadowSettled {
		s.metrics.copies.WithLabelValues(result).Inc()
	}
}

// take judges a copy, if the verdict of its decision can still be moved by it.
func (s *Shadow) take(ctx context.Context, c *kept.Copy, x *shadowed) (judged bool, err error) {
	if x == nil {
		s.leave(c, shadowUnknown)
		return false, nil
	}
	if !x.open() {
		s.leave(c, shadowSettled)
		return false, nil
	}
	whole, err := s.read(ctx, c)
	if err != nil {
		return false, err
	}
	if whole == nil {
		s.leave(c, shadowUnreadable)
		return false, nil
	}
	if s.rules == nil {
		if s.rules, err = s.Open(); err != nil {
			return false, err
		}
	}
	ids, failed := s.rules(whole)
	if failed != nil {
		s.Desk.Log.Warn("kept request could not be judged again", "request", c.ID, "node", c.Node, "error", failed)
	}
	e, result := x.evidence(ids, failed)
	if err := s.Desk.appendShadow(ctx, x, e); err != nil {
		return false, err
	}
	s.leave(c, result)
	return true, nil
}

// read opens a copy, nil if it cannot be opened any more.
func (s *Shadow) read(ctx context.Context, c *kept.Copy) (whole *kept.Copy, err error) {
	q := kept.Query{ID: c.ID, Node: c.Node, From: c.Time, To: c.Time.Add(1)}
	_, err = s.Copies.Each(ctx, q, func(o *kept.Copy) error {
		if nameOf(o) != nameOf(c) { // queries do not tell upper and lower case apart
			return nil
		}
		whole = o
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return whole, err
}

// decided reads the decisions about copies.
func (s *Shadow) decided(ctx context.Context, copies []kept.Copy) (map[copyName]*shadowed, error) {
	var ids []query.Expr
	span := Selection{From: copies[0].Time, To: copies[0].Time}
	wanted := map[copyName]bool{}
	for i := range copies {
		c := &copies[i]
		wanted[nameOf(c)] = true
		// One with a control character parses as none: no event has it.
		if q, err := query.Parse("http.request.id: "+query.Quote(c.ID), c.Time); err == nil {
			ids = append(ids, q.Filter)
		}
		if c.Time.Before(span.From) {
			span.From = c.Time
		}
		if c.Time.After(span.To) {
			span.To = c.Time
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	span.To = span.To.Add(1)
	span.Filter = &query.And{Exprs: []query.Expr{ofNodes, &query.Or{Exprs: ids}}}
	m, err := s.Desk.marks(ctx, span)
	if err != nil {
		return nil, err
	}
	found := map[copyName]*shadowed{}
	_, err = s.Desk.scan(ctx, span, shadowFields, func(e *event.Event) error {
		name := copyName{e.Source, e.Get(event.HTTPRequestID).Text(), e.Time}
		if !wanted[name] {
			return nil
		}
		x := &shadowed{}
		x.read(e)
		m.on(&x.Decision)
		x.own = append(x.own, x.Rules...)
		for _, match := range readMatches(e) {
			x.own = append(x.own, match.Rule)
		}
		name.ID, name.Source = strings.Clone(name.ID), x.Source
		found[name] = x
		return nil
	})
	return found, err
}

// ofNodes are the decisions that may have a copy: a log can name any request.
var ofNodes = mustFilter("gatewatch.waf: " + event.WAFByNode)

var shadowFields = append(slices.Clone(summary), event.HTTPRequestID)
