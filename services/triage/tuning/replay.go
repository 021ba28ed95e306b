package tuning

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/gatewatch/gatewatch/services/waf"
)

// Compile makes the engine whose rules are tuned, with directives before CRS.
type Compile func(directives string) (*waf.Engine, error)

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
			d, err := engine.JudgeRequest(it.Request)
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
