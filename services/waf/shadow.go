package waf

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Bounds of a shadow: what waits for it, and which part of one processor it takes.
const (
	shadowWaiting = 32
	shadowPart    = 4
	shadowLimit   = 3 * time.Second // for one request
)

// shadow judges a sample of the requests by the rules of candidates, and only
// counts. Requests never wait for it: what comes while it is busy it leaves out.
type shadow struct {
	waiting                         chan shadowed
	same, blocked, allowed, skipped atomic.Uint64
	log                             *slog.Logger
}

// shadowed is a request with the decision about it.
type shadowed struct {
	engine  *Engine // of the candidate
	request *verdict.Request
	block   bool
}

func newShadow(log *slog.Logger) *shadow {
	return &shadow{waiting: make(chan shadowed, shadowWaiting), log: log}
}

// reset begins to count anew.
func (s *shadow) reset() {
	for _, n := range []*atomic.Uint64{&s.same, &s.blocked, &s.allowed, &s.skipped} {
		n.Store(0)
	}
}

// run judges what waits, until the context ends.
func (s *shadow) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return
		case r := <-s.waiting:
			began := time.Now()
			s.judge(ctx, r)
			pause.Reset((shadowPart - 1) * time.Since(began))
		}
	}
}

func (s *shadow) judge(ctx context.Context, r shadowed) {
	d, err := Within(ctx, shadowLimit, func(ctx context.Context) (Decision, error) { return r.engine.JudgeRequest(ctx, r.request) })
	switch {
	case err != nil:
		s.skipped.Add(1)
		s.log.Warn("request could not be judged beside", slog.String("request", r.request.ID), slog.Any("error", err))
	case d.Block == r.block:
		s.same.Add(1)
	case d.Block:
		s.blocked.Add(1)
	default:
		s.allowed.Add(1)
	}
}

// beside gives the request to the shadow, if its site has one and there is room.
// It must be called while the evaluation holds the body.
func (x *exchange) beside() {
	if x.site.trial == nil || x.site.trial.beside == nil || !x.judged {
		return
	}
	s := x.node.bundles.shadow
	if len(s.waiting) == cap(s.waiting) || x.received > maxWeighedBody {
		s.skipped.Add(1)
		return
	}
	copied := x.evidence().Request
	copied.ID = x.id
	select {
	case s.waiting <- shadowed{x.site.trial.beside, copied, x.decision.Block}:
	default:
		s.skipped.Add(1)
	}
}
