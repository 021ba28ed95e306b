package waf

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/services/kept"
)

// JudgeCopy evaluates the request phases over a copy as [Engine.JudgeRequest]
// does over a request: of a body that was cut the rules know that, as they did
// when it was judged, and ends with ctx as that does. It may be called by any number
// of goroutines.
func (e *Engine) JudgeCopy(ctx context.Context, c *kept.Copy) (d Decision, err error) {
	if ctx.Err() != nil {
		return d, context.Cause(ctx)
	}
	return e.judgeCopy(c, func(v *evaluation) { v.obey(ctx) })
}

// JudgeLimit is how long a request may be judged where many are: what the rules need
// longer for is left out and told, so that one body of an attacker holds up no other
// request.
const JudgeLimit = 20 * time.Second

// Within calls judge with a context that ends after a limit, 0 for none. Its cause says
// that the rules took too long.
func Within[T any](ctx context.Context, limit time.Duration, judge func(context.Context) (T, error)) (T, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: more than %v", errTime, limit))
		defer cancel()
	}
	return judge(ctx)
}

// judgeCopy has an evaluation bounded before it begins.
func (e *Engine) judgeCopy(c *kept.Copy, bound func(*evaluation)) (d Decision, err error) {
	v := e.begin(c.ID, time.Now, slog.New(slog.DiscardHandler))
	defer v.release()
	bound(v)
	err = v.guarded(func() error {
		if c.BodyBytes > int64(len(c.Request.Body)) {
			v.markTruncated()
		}
		return v.corpus(&c.Request)
	})
	if err != nil {
		return d, err
	}
	return v.decide(), nil
}

// decidesSame tells whether a decision is that of a copy: to block or not, with
// the same score by the same rules.
func decidesSame(c *kept.Copy, d *Decision) bool {
	return c.Block == d.Block && c.Score == d.Score &&
		slices.Equal(slices.Sorted(slices.Values(c.Rules)), slices.Sorted(slices.Values(d.Scoring)))
}
