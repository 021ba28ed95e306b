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
	Kind     string // of proposals
	Began    time.Time
	Ended    time.Time // zero while it is under way
	Progress tuning.Progress
	IDs      []int64 // of the proposals found, the most helpful first
	Wrong    int     // blocked requests taken for false positives
	Nowhere  int     // of these, at places that no directive can describe
	Guard    int     // attacks that must stay blocked
	Guarded  int     // places where there is more that would help, left out for these
	Judged   int
	Left     tuning.LeftOut
	Partial  []string
	Error    string // why it failed, "" if it did not

	// Of a job for promotions: missed attacks and legitimate requests among those that
	// were allowed, and some of the attacks that no promotion blocks.
	Missed, Legitimate int
	Unanswered         []tuning.Unanswered
}

// Question is what a job is asked for; From to Group are told in the audit log as
// they were written.
type Question struct {
	tuning.Ask         // for a promotion its selection and its limit alone
	Kind       string  // [Exclusion], the default, or [Promotion]
	MaxCost    float64 // of a promotion; default [tuning.MaxCost]

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
	if q.Kind == Promotion {
		return "asked for with max_cost " + number(q.MaxCost), q.MaxCost != tuning.MaxCost
	}
	words = fmt.Sprintf("asked for with suspect %s and guard_loss %s", number(q.suspect()), number(q.GuardLoss))
	return words, q.suspect() != tuning.Suspect || q.GuardLoss != 0
}

// Propose begins to look for proposals. [ErrBusy] means that a job is under way.
func (k *Keeper) Propose(ctx context.Context, actor string, q Question) error {
	if q.Kind == "" {
		q.Kind = Exclusion
	}
	if q.MaxCost == 0 {
		q.MaxCost = tuning.MaxCost
	}
	run, cancel := context.WithCancel(context.Background())
	k.mu.Lock()
	if k.closed || k.job != nil && k.job.Ended.IsZero() {
		k.mu.Unlock()
		cancel()
		return ErrBusy
	}
	before := k.job
	k.job, k.cancel = &Job{Actor: actor, Kind: q.Kind, Began: k.Now()}, cancel
	k.run.Add(1)
	k.mu.Unlock()
	leaf := audit.Leaf{Actor: actor, Act: audit.ActPropose, Object: "kept requests", Detail: map[string]string{
		"kind": q.Kind, "max_cost": number(q.MaxCost), "suspect": number(q.suspect()), "guard_loss": number(q.GuardLoss),
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
	ids, tell, err := k.find(ctx, q)
	k.on(func(j *Job) {
		j.Ended, j.IDs = k.Now(), ids
		if tell != nil {
			tell(j)
		}
		if err != nil {
			j.Error = err.Error()
		}
	})
	if err != nil {
		k.Log.Error("look for proposals", slog.String("by", actor), slog.Any("error", err))
		return
	}
	k.Log.Info("proposals found", slog.String("by", actor), slog.String("kind", q.Kind), slog.Int("proposals", len(ids)))
}

// find looks for proposals and keeps them. What tell tells a job came of the search even
// if it then failed; it may be nil.
func (k *Keeper) find(ctx context.Context, q Question) (ids []int64, tell func(*Job), err error) {
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
	look := k.exclusions
	if q.Kind == Promotion {
		look = k.promotions
	}
	rows, tell, err := look(ctx, &q)
	if err != nil {
		return nil, tell, err
	}
	ids, err = k.add(ctx, rows)
	return ids, tell, err
}

// exclusions looks for those that let wrongly blocked requests pass.
func (k *Keeper) exclusions(ctx context.Context, q *Question) (rows []state.Proposal, tell func(*Job), err error) {
	plan, err := k.Live.Propose(ctx, q.Ask, func(p tuning.Progress) { k.on(func(j *Job) { j.Progress = p }) })
	if err != nil {
		return nil, nil, err
	}
	tell = func(j *Job) {
		j.Wrong, j.Nowhere, j.Guard, j.Guarded, j.Judged = plan.Wrong, plan.Nowhere, plan.Guard, plan.Guarded, plan.Judged
		j.Left, j.Partial = plan.LeftOut, plan.Partial
	}
	rows = make([]state.Proposal, len(plan.Proposals))
	for i := range plan.Proposals {
		p := &plan.Proposals[i]
		row := state.Proposal{ID: int64(p.ID), Kind: Exclusion, Site: p.Site, Path: p.Path, Directive: p.Directive, Portable: p.Portable}
		rows[i], err = q.complete(row, Content{
			Rules: p.Rules, Unblocks: p.Unblocks, Released: p.Released, Guard: p.Guard, Disputed: p.Disputed, Evidence: p.Evidence,
		})
		if err != nil {
			return nil, tell, err
		}
	}
	return rows, tell, nil
}

// add keeps what was found, while nobody acts on what it renews and takes the place of,
// and returns the ids that it has then.
func (k *Keeper) add(ctx context.Context, found []state.Proposal) ([]int64, error) {
	k.acting.Lock()
	defer k.acting.Unlock()
	use, err := k.used(ctx)
	if err != nil {
		return nil, err
	}
	used := slices.Sorted(maps.Keys(use))
	rivals, err := k.rivals(ctx, found, used)
	if err != nil {
		return nil, err
	}
	n, err := settleNear(found, rivals)
	if err != nil {
		return nil, err
	}
	if err := k.State.AddProposals(ctx, n.rows, used, n.gone); err != nil {
		return nil, err
	}
	rows := n.rows
	ids := make([]int64, 0, len(n.ids))
	for _, id := range n.ids {
		if id == 0 {
			id, rows = rows[0].ID, rows[1:]
		}
		if !slices.Contains(ids, id) { // an open one may stand for several
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// laxEvidence tells of a question that was no strict one.
const laxEvidence = "question"

// Bounds of what is kept of a proposal.
const maxListed = 5000 // ids of a list

// complete makes a row of what was found. The same change asked for otherwise is another
// one, so that its evidence does not take the place of what a stricter question found.
func (q *Question) complete(row state.Proposal, c Content) (state.Proposal, error) {
	asked := ""
	if words, lax := q.lax(); lax {
		c.Evidence, asked = append(slices.Clone(c.Evidence), verdict.Evidence{Name: laxEvidence, Detail: words}), "\n"+words
	}
	for _, ids := range []*[]string{&c.Unblocks, &c.Released, &c.Guard, &c.Disputed, &c.Catches, &c.Blocks} {
		*ids = (*ids)[:min(len(*ids), maxListed)]
	}
	content, err := json.Marshal(c)
	if err != nil {
		return state.Proposal{}, fmt.Errorf("keep proposal: %w", err)
	}
	sum := sha256.Sum256([]byte(row.Kind + "\n" + row.Site + "\n" + strings.Replace(row.Directive, "id:"+strconv.FormatInt(row.ID, 10), "id:0", 1) + asked))
	row.Name, row.Content = hex.EncodeToString(sum[:]), string(content)
	return row, nil
}
