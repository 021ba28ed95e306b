package tuning

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/waf"
)

// Compile makes the engine whose rules are tuned, with directives before CRS.
type Compile func(directives string) (*waf.Engine, error)

// judge evaluates the request of a case.
func (c *Case) judge(ctx context.Context, engine *waf.Engine) (waf.Decision, error) {
	if c.Body <= int64(len(c.Request.Body)) {
		return engine.JudgeRequest(ctx, c.Request)
	}
	return engine.JudgeCopy(ctx, &kept.Copy{ID: c.Request.ID, BodyBytes: c.Body, Request: *c.Request})
}

// replay judges requests again, on all processors, and tells which of them are
// no longer blocked.
func replay(ctx context.Context, compile Compile, directives string, items []*item) (passes []bool, err error) {
	engine, err := compile(directives)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := engine.Close(); err == nil {
			err = e
		}
	}()
	passes = make([]bool, len(items))
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, it := range items {
		if running.Err() != nil {
			break
		}
		group.Go(func() error {
			d, err := it.judge(ctx, engine)
			if err != nil {
				return fmt.Errorf("judge request %q again: %w", it.Request.ID, err)
			}
			passes[i] = !d.Block
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return passes, ctx.Err()
}
