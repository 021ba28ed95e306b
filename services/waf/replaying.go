package waf

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/kept"
)

// Replayer puts kept requests through another set of rules.
type Replayer struct {
	Candidate RulesOf
	// Baseline decides about requests that no node has decided about: those whose
	// Ruleset is empty. It is only needed for them.
	Baseline RulesOf
	Workers  int           // 0: one for each processor
	Limit    time.Duration // for each evaluation, which fails then; 0 for none
}

// Replayed is a request and what the candidate decides. It shares no memory with
// other ones.
type Replayed struct {
	Copy   *kept.Copy // with the decision of before
	Before []Match    // what the baseline matched, if it has decided
	After  Decision
	Err    error // why a request could not be judged
}

// Run judges requests on all processors and hands the results to yield in the
// order of the requests, from one goroutine. It ends with the first error of
// yield or of the requests, and when ctx does.
func (r *Replayer) Run(ctx context.Context, copies iter.Seq2[*kept.Copy, error], yield func(Replayed) error) error {
	workers := r.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancel(ctx)
	jobs := make(chan *replayJob)
	order := make(chan *replayJob, 8*workers)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	for range workers {
		wait.Go(func() {
			for j := range jobs {
				r.judge(ctx, &j.result)
				close(j.done)
			}
		})
	}
	var failed error // of the requests; read once order is closed
	wait.Go(func() {
		defer close(order)
		defer close(jobs)
		for c, err := range copies {
			if err != nil {
				failed = err
				return
			}
			j := &replayJob{result: Replayed{Copy: c}, done: make(chan struct{})}
			select {
			case order <- j:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return
			}
		}
	})
	for j := range order {
		select {
		case <-j.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return err // what ends with it says nothing of the rules
		}
		if err := yield(j.result); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	return ctx.Err()
}

// replayJob is a request on its way.
type replayJob struct {
	result Replayed
	done   chan struct{}
}

func (r *Replayer) judge(ctx context.Context, x *Replayed) {
	if c := x.Copy; c.Ruleset == "" {
		before, err := r.by(ctx, r.Baseline, c)
		if err != nil {
			x.Err = fmt.Errorf("judge request by the rules of before: %w", err)
			return
		}
		c.Block, c.Score, c.Rules, c.PolicyOnly = before.Block, before.Score, before.Scoring, before.PolicyOnly
		x.Before = before.Matches
	}
	if x.After, x.Err = r.by(ctx, r.Candidate, x.Copy); x.Err != nil {
		x.Err = fmt.Errorf("judge request: %w", x.Err)
	}
}

// by judges a copy by the rules of its site.
func (r *Replayer) by(ctx context.Context, rules RulesOf, c *kept.Copy) (Decision, error) {
	engine, err := rules(c.Request.Site)
	if err != nil {
		return Decision{}, err
	}
	return Within(ctx, r.Limit, func(ctx context.Context) (Decision, error) { return engine.JudgeCopy(ctx, c) })
}
