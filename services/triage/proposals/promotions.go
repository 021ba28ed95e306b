package proposals

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
)

// sternLimit is how long the rules of all paranoia levels may take for one request.
const sternLimit = 2 * time.Second

// maxUnanswered is how many attacks without an answer a job names.
const maxUnanswered = 100

// promotions looks for rules of higher paranoia levels that block missed attacks.
func (k *Keeper) promotions(ctx context.Context, q *Question) (rows []state.Proposal, tell func(*Job), err error) {
	k.on(func(j *Job) { j.Progress = tuning.Progress{Stage: "read"} })
	sterner, err := waf.CompileSterner()
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, sterner.Close()) }()
	done := 0
	plan, err := k.Live.Missed(ctx, tuning.MissedConfig{FirstID: q.FirstID, MaxCost: q.MaxCost, Limit: q.Limit}, q.Selection, func(c *kept.Copy) ([]int, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		done++
		k.on(func(j *Job) { j.Progress = tuning.Progress{Stage: "judge", Done: done} })
		ids, err := sterner.Rules(c, sternLimit)
		if err != nil { // a request that takes too long must not end the job
			k.Log.Warn("missed attack could not be judged by sterner rules", slog.String("request", c.ID), slog.Any("error", err))
		}
		return ids, nil
	})
	if err != nil {
		return nil, nil, err
	}
	tell = func(j *Job) {
		j.Missed, j.Legitimate, j.Left, j.Partial = plan.Missed, plan.Legit, plan.LeftOut, plan.Partial
		j.Unanswered = plan.Unanswered[:min(len(plan.Unanswered), maxUnanswered)]
	}
	rows = make([]state.Proposal, len(plan.Promotions))
	for i := range plan.Promotions {
		p := &plan.Promotions[i]
		row := state.Proposal{ID: int64(p.ID), Kind: Promotion, Site: p.Site, Path: "*", Directive: p.Directive}
		rows[i], err = q.complete(row, Content{
			Rules: []int{p.Rule}, Evidence: p.Evidence, Catches: p.Catches, Blocks: p.Blocks, Cost: &[3]float64{p.Cost, p.CostLow, p.CostHigh},
		})
		if err != nil {
			return nil, tell, err
		}
	}
	return rows, tell, nil
}
