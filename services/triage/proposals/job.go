package proposals

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// Job is the search for proposals that is under way, or was last.
type Job struct {
	Actor    string
	Began    time.Time
	Ended    time.Time // zero while it is under way
	Progress tuning.Progress
	IDs      []int64 // of the proposals found, the most helpful first
	Wrong    int     // blocked requests taken for false positives
	Nowhere  int     // of these, at places that no directive can describe
	Guard    int     // attacks that must stay blocked
	Judged   int
	Left     tuning.LeftOut
	Partial  []string
	Error    string // why it failed, "" if it did not
}

// Question is what a job is asked for; From to Group are told in the audit log as
// they were written.
type Question struct {
	tuning.Ask
	Filter, From, To string
}

// suspect is the probability below which a block is taken for a false positive.
func (q *Question) suspect() float64 {
	if q.Suspect == 0 {
		return tuning.Suspect
	}
	return q.Suspect
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// lax tells whether a question takes more for false positives, or lets more of the guard
// pass, than one that says nothing of it; and how, in words.
func (q *Question) lax() (words string, lax bool) {
	words = fmt.Sprintf("asked for with suspect %s and guard_loss %s", number(q.suspect()), number(q.GuardLoss))
	return words, q.suspect() != tuning.Suspect || q.GuardLoss != 0
}

// Propose begins to look for proposals. [ErrBusy] means that a job is under way.
func (k *Keeper) Propose(ctx context.Context, actor string, q Question) error {
	run, cancel := context.WithCancel(context.Background())
	k.mu.Lock()
	if k.closed || k.job != nil && k.job.Ended.IsZero() {
		k.mu.Unlock()
		cancel()
		return ErrBusy
	}
	before := k.job
	k.job, k.cancel = &Job{Actor: actor, Began: k.Now()}, cancel
	k.run.Add(1)
	k.mu.Unlock()
	leaf := audit.Leaf{Actor: actor, Act: audit.ActPropose, Object: "kept requests", Detail: map[string]string{
		"suspect": number(q.suspect()), "guard_loss": number(q.GuardLoss),
		"filter": q.Filter, "from": q.From, "to": q.To, "group": q.Group.ID, "scope": string(q.Scope), "guard": strconv.Itoa(len(q.Guard)),
	}}
	if _, err := k.Audit(ctx, leaf); err != nil {
		k.mu.Lock()
		k.job = before
		k.mu.Unlock()
		cancel()
		k.run.Done()
		return err
	}
	go func() {
		defer k.run.Done()
		defer cancel()
		k.search(run, actor, q)
	}()
	return nil
}

// Job returns the job that is under way, or was last; nil if there was none.
func (k *Keeper) Job() *Job {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.job == nil {
		return nil
	}
	j := *k.job
	return &j
}

// Wait waits until no job is under way.
func (k *Keeper) Wait() { k.run.Wait() }

// Close ends the job that is under way.
func (k *Keeper) Close() {
	k.mu.Lock()
	k.closed = true
	if k.cancel != nil {
		k.cancel()
	}
	k.mu.Unlock()
	k.run.Wait()
}

// on changes the job.
func (k *Keeper) on(change func(*Job)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k.job)
}

// search does the work of a job.
func (k *Keeper) search(ctx context.Context, actor string, q Question) {
	plan, ids, err := k.find(ctx, q)
	k.on(func(j *Job) {
		j.Ended, j.IDs = k.Now(), ids
		if plan != nil {
			j.Wrong, j.Nowhere, j.Guard, j.Judged, j.Left, j.Partial = plan.Wrong, plan.Nowhere, plan.Guard, plan.Judged, plan.LeftOut, plan.Partial
		}
		if err != nil {
			j.Error = err.Error()
		}
	})
	if err != nil {
		k.Log.Error("look for proposals", slog.String("by", actor), slog.Any("error", err))
		return
	}
	k.Log.Info("proposals found", slog.String("by", actor), slog.Int("proposals", len(ids)), slog.Int("wrong", plan.Wrong))
}

func (k *Keeper) find(ctx context.Context, q Question) (*tuning.LivePlan, []int64, error) {
	first, err := k.State.NextProposal(ctx, FirstID)
	if err != nil {
		return nil, nil, err
	}
	b, err := k.inUse(ctx)
	if err != nil {
		return nil, nil, err
	}
	if b != nil {
		first = max(first, int64(b.NextRule()))
	}
	q.FirstID = int(first)
	plan, err := k.Live.Propose(ctx, q.Ask, func(p tuning.Progress) { k.on(func(j *Job) { j.Progress = p }) })
	if err != nil {
		return nil, nil, err
	}
	rows := make([]state.Proposal, len(plan.Proposals))
	for i := range plan.Proposals {
		if rows[i], err = newRow(Exclusion, &q, &plan.Proposals[i]); err != nil {
			return plan, nil, err
		}
	}
	if err := k.add(ctx, rows); err != nil {
		return plan, nil, err
	}
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	return plan, ids, nil
}

// add keeps what was found, while nobody acts on what it renews and takes the place of.
func (k *Keeper) add(ctx context.Context, rows []state.Proposal) error {
	k.acting.Lock()
	defer k.acting.Unlock()
	used, err := k.used(ctx)
	if err != nil {
		return err
	}
	return k.State.AddProposals(ctx, rows, slices.Sorted(maps.Keys(used)))
}

// Bounds of what is kept of a proposal.
const maxListed = 5000 // ids of a list

// newRow is how a proposal is kept. The same change asked for otherwise is another one,
// so that its evidence does not take the place of what a stricter question found.
func newRow(kind string, q *Question, p *tuning.Proposal) (state.Proposal, error) {
	evidence, asked := p.Evidence, ""
	if words, lax := q.lax(); lax {
		evidence, asked = append(slices.Clone(evidence), verdict.Evidence{Name: "question", Detail: words}), "\n"+words
	}
	clipped := func(ids []string) []string { return ids[:min(len(ids), maxListed)] }
	content, err := json.Marshal(Content{
		Rules: p.Rules, Unblocks: clipped(p.Unblocks), Released: clipped(p.Released), Guard: clipped(p.Guard), Disputed: clipped(p.Disputed), Evidence: evidence,
	})
	if err != nil {
		return state.Proposal{}, fmt.Errorf("keep proposal: %w", err)
	}
	id := strconv.Itoa(p.ID)
	sum := sha256.Sum256([]byte(kind + "\n" + p.Site + "\n" + strings.Replace(p.Directive, "id:"+id, "id:0", 1) + asked))
	return state.Proposal{
		ID: int64(p.ID), Kind: kind, Name: hex.EncodeToString(sum[:]), Site: p.Site, Path: p.Path,
		Directive: p.Directive, Portable: p.Portable, Content: string(content),
	}, nil
}
