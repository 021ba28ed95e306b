package proposals

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// expireEach is how often exclusions are looked through.
const expireEach = time.Minute

// Run takes out what has expired, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(expireEach)
	defer tick.Stop()
	for {
		if _, err := k.Expire(ctx); err != nil && ctx.Err() == nil {
			k.Log.Error("take out exclusions that have expired", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Expire makes a bundle without the exclusions whose time is over, if there are any in
// the one for all requests, and rolls it out; it returns how many. Nodes leave them out
// by themselves at that time, so while another bundle is being tried out it waits.
func (k *Keeper) Expire(ctx context.Context) (n int, err error) {
	k.acting.Lock()
	defer k.acting.Unlock()
	return k.expire(ctx)
}

// expire is [Keeper.Expire] for who holds acting.
func (k *Keeper) expire(ctx context.Context) (n int, err error) {
	old, err := k.inUse(ctx)
	if err != nil || old == nil || k.rollout().Candidate != "" {
		return 0, err
	}
	now := k.Now()
	var gone []string
	for i := range old.Exclusions {
		if old.Exclusions[i].Expired(now) {
			gone = append(gone, old.Exclusions[i].ID)
		}
	}
	if len(gone) == 0 {
		return 0, nil
	}
	b, err := k.next(ctx)
	if err != nil {
		return 0, err
	}
	text, err := b.Encode()
	if err != nil {
		return 0, err
	}
	name := bundle.Sum(text)
	leaf := audit.Leaf{Actor: audit.Server, Act: audit.ActExpire, Object: name, Hash: name, Detail: map[string]string{
		"exclusions": clip(strings.Join(gone, " ")), "n": strconv.Itoa(len(gone)),
	}}
	err = k.act(ctx, leaf, func(ctx context.Context) error {
		if _, _, err := k.Fleet.Create(ctx, audit.Server, text); err != nil {
			return err
		}
		reason := fmt.Sprintf("exclusions have expired: %s", strings.Join(gone[:min(len(gone), 10)], " "))
		_, err := k.Fleet.RollOut(ctx, audit.Server, fleet.Plan{Bundle: name, Stage: bundle.StageAll, Reason: reason})
		return err
	})
	if err != nil {
		return 0, err
	}
	k.noteExpired(context.WithoutCancel(ctx), gone)
	return len(gone), nil
}

// noteExpired notes what became of proposals, whatever their rows said.
func (k *Keeper) noteExpired(ctx context.Context, gone []string) {
	for _, name := range gone {
		if id, ok := idOf(name); ok {
			k.note(ctx, id, func(row *state.Proposal) {
				if row.Status != state.Retired {
					row.Status = state.Expired
				}
			})
		}
	}
}
