// Package proposals keeps the proposals of package tuning as objects with a life:
// they are looked for in a job, put into rule-set bundles that a fleet rolls out, taken
// out again, and leave when their time is over. Every act is a leaf of the audit log.
package proposals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// FirstID is the first id of rules of proposals. Exclusions that people write have
// those before it.
const FirstID = 9_950_000

// Errors that callers tell apart with errors.Is.
var (
	// ErrBusy means that another job is under way.
	ErrBusy = errors.New("another job looks for proposals: wait until it ends")
	// ErrState means that what was asked for cannot follow what the proposal is now.
	ErrState = errors.New("is not possible now")
	// ErrInvalid means that a value is not one that can be.
	ErrInvalid = errors.New("is not valid")
)

// Options are the parts of a keeper.
type Options struct {
	State  *state.DB
	Fleet  *fleet.Fleet
	Live   tuning.Live // its Rules and Levels are set by New
	Audit  func(context.Context, audit.Leaf) (int64, error)
	Now    func() time.Time
	Log    *slog.Logger
	Config Config
}

// Keeper keeps proposals. Its methods may be called concurrently.
type Keeper struct {
	Options
	acting sync.Mutex // held by who puts something into a bundle or takes it out

	mu     sync.Mutex
	job    *Job
	cancel context.CancelFunc
	run    sync.WaitGroup
	closed bool
}

// New makes a keeper.
func New(o Options) *Keeper {
	k := &Keeper{Options: o}
	k.Live.Rules, k.Live.Levels = k.compile, k.levels
	return k
}

// compile makes an engine of the rules that all nodes are to use for a site.
func (k *Keeper) compile(site, directives string) (*waf.Engine, error) {
	b, err := k.inUse(context.Background())
	if err != nil {
		return nil, err
	}
	return waf.CompileSite(waf.CorpusSettings(), b, site, directives, k.Now())
}

// levels compiles the rules that all nodes are to use for a site, for each paranoia level.
func (k *Keeper) levels(site string) (*waf.Levels, error) {
	b, err := k.inUse(context.Background())
	if err != nil {
		return nil, err
	}
	return waf.CompileSiteLevels(waf.CorpusSettings(), b, site, k.Now())
}

// inUse is the bundle for all requests, nil for none.
func (k *Keeper) inUse(ctx context.Context) (*bundle.Bundle, error) {
	r := k.Fleet.Rollout()
	if r == nil || r.Stable == "" {
		return nil, nil
	}
	b, _, err := k.Fleet.Bundle(ctx, r.Stable)
	return b, err
}

// Content is what speaks for a proposal and what against it.
type Content struct {
	Rules    []int              `json:"rules"`
	Unblocks []string           `json:"unblocks"` // ids of decisions
	Released []string           `json:"released"` // those of them that are taken for attacks
	Guard    []string           `json:"guard_lost"`
	Disputed []string           `json:"disputed"` // those of Unblocks that the verdict, against a label, is sure about
	Evidence []verdict.Evidence `json:"evidence"`

	// Of a promotion: decisions about missed attacks that would be blocked, and about
	// legitimate requests that would be.
	Catches []string `json:"catches,omitempty"`
	Blocks  []string `json:"blocks,omitempty"`
	// Cost is the share of the legitimate requests that it blocks, with its 95 %
	// interval; nil for an exclusion.
	Cost *[3]float64 `json:"cost,omitempty"`
}

// Proposal is one with what is known of it now.
type Proposal struct {
	state.Proposal
	Content

	// Stage is how the bundle that holds it is used: shadow, canary or all; "" if none
	// in use does.
	Stage bundle.Stage
	Hits  state.Hits // of its rule
	// Retire says why it should be retired, "" if it should not.
	Retire string
}

// Kinds of proposals.
const (
	Exclusion = "exclusion" // lets wrongly blocked requests pass
	Promotion = "promotion" // blocks missed attacks
)

// exclusionID is the name of a proposal in a bundle.
func exclusionID(id int64) string { return "proposal-" + strconv.FormatInt(id, 10) }

// List returns at most limit proposals of a status, "" for any, with ids above after.
func (k *Keeper) List(ctx context.Context, status state.ProposalStatus, after int64, limit int) ([]*Proposal, error) {
	rows, err := k.State.Proposals(ctx, status, after, limit)
	if err != nil {
		return nil, err
	}
	return k.complete(ctx, rows)
}

// Get returns a proposal.
func (k *Keeper) Get(ctx context.Context, id int64) (*Proposal, error) {
	row, err := k.State.Proposal(ctx, id)
	if err != nil {
		return nil, err
	}
	all, err := k.complete(ctx, []state.Proposal{row})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// complete adds what is known beside the rows.
func (k *Keeper) complete(ctx context.Context, rows []state.Proposal) ([]*Proposal, error) {
	hits, err := k.State.Hits(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	used, err := k.used(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]*Proposal, len(rows))
	for i, row := range rows {
		p := &Proposal{Proposal: row, Hits: hits[row.ID]}
		if err := json.Unmarshal([]byte(row.Content), &p.Content); err != nil {
			return nil, fmt.Errorf("read proposal %d: %w", row.ID, err)
		}
		k.settle(p, used[row.ID])
		all[i] = p
	}
	return all, nil
}

// settle makes of a proposal what the bundles in use say: a rollout may have been taken
// back or put in place again since, by a person or by a node.
func (k *Keeper) settle(p *Proposal, u use) {
	p.Stage = u.stage
	switch {
	case p.Stage != "":
		p.Owner, p.Reason, p.Expires = u.Owner, u.Reason, u.Expires
		if p.Status != state.Expired { // which nodes leave out by themselves
			p.Status = state.Applied
		}
	case p.Status == state.Applied:
		p.Status = state.RolledBack
	}
	p.Retire = k.unused(p)
}

// use is how a proposal is used.
type use struct {
	bundle.Exclusion
	stage bundle.Stage
}

// used tells how the proposals in the bundles in use are used, by their ids.
func (k *Keeper) used(ctx context.Context) (map[int64]use, error) {
	all := map[int64]use{}
	r := k.Fleet.Rollout()
	if r == nil {
		return all, nil
	}
	for _, x := range []struct {
		name  string
		stage bundle.Stage
	}{{r.Candidate, r.Stage}, {r.Stable, bundle.StageAll}} {
		if x.name == "" {
			continue
		}
		b, _, err := k.Fleet.Bundle(ctx, x.name)
		if err != nil {
			return nil, err
		}
		for _, e := range b.Exclusions {
			if id, ok := idOf(e.ID); ok {
				all[id] = use{e, x.stage}
			}
		}
	}
	return all, nil
}

// act does something that the audit log tells of first. If it then fails another leaf
// says so.
func (k *Keeper) act(ctx context.Context, leaf audit.Leaf, do func(context.Context) error) error {
	ctx = context.WithoutCancel(ctx)
	index, err := k.Audit(ctx, leaf)
	if err != nil {
		return err
	}
	if err = do(ctx); err == nil {
		return nil
	}
	undo := audit.Leaf{Actor: leaf.Actor, Act: audit.ActUnpropose, Object: leaf.Object, Detail: map[string]string{"leaf": strconv.FormatInt(index, 10)}}
	if _, e := k.Audit(ctx, undo); e != nil {
		k.Log.Error("audit log tells of an act that was not done", slog.String("act", leaf.Act), slog.Any("error", e))
	}
	return err
}
