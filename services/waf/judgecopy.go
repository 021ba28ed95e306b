package waf

import (
	"log/slog"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/services/kept"
)

// JudgeCopy evaluates the request phases over a copy as [Engine.JudgeRequest]
// does over a request: of a body that was cut the rules know that, as they did
// when it was judged. It may be called by any number of goroutines.
func (e *Engine) JudgeCopy(c *kept.Copy) (Decision, error) { return e.judgeCopy(c, time.Time{}) }

// judgeCopy gives up at a time, if the rules can be stopped.
func (e *Engine) judgeCopy(c *kept.Copy, until time.Time) (d Decision, err error) {
	v := e.begin(c.ID, time.Now, slog.New(slog.DiscardHandler))
	defer v.release()
	err = v.guarded(func() error {
		if !until.IsZero() {
			v.until(until)
		}
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
