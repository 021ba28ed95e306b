package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// Rollout says which bundles the nodes use from a time on. It does not change;
// another one takes its place.
type Rollout struct {
	Serial    uint64       `json:"serial"`
	Stable    string       `json:"stable"`    // bundle for all requests, "" for the nodes' own rules
	Candidate string       `json:"candidate"` // bundle that is tried out, "" for none
	Stage     bundle.Stage `json:"stage"`
	Share     int          `json:"share"`  // percent of the clients, for canary
	Nodes     []string     `json:"nodes"`  // that try the candidate out, all if empty
	Before    []string     `json:"before"` // stable bundles before this one, the last one at the end
	Actor     string       `json:"actor"`
	Reason    string       `json:"reason"`
	Time      time.Time    `json:"time"`
}

// ErrInvalid is wrapped by errors about what was asked for.
var ErrInvalid = errors.New("is not valid")

// Bounds of a rollout.
const (
	maxReason = 2000
	maxNodes  = 1000
	maxBefore = 20 // how far one can go back
)

// Plan is a rollout that is asked for.
type Plan struct {
	Bundle string // its name
	Stage  bundle.Stage
	Share  int
	Nodes  []string
	Reason string
}

// Check tells whether a rollout can be asked for.
func (p *Plan) Check() error {
	switch {
	case !bundle.IsSum(p.Bundle):
		return fmt.Errorf("name: %.80q %w: it is the SHA-256 of a bundle", p.Bundle, ErrInvalid)
	case len(p.Reason) > maxReason:
		return fmt.Errorf("reason: %w: it has more than %d bytes", ErrInvalid, maxReason)
	case len(p.Nodes) > maxNodes:
		return fmt.Errorf("nodes: %w: there are more than %d", ErrInvalid, maxNodes)
	}
	for _, n := range p.Nodes {
		if err := access.CheckName(n); err != nil {
			return fmt.Errorf("nodes: %w: %w", ErrInvalid, err)
		}
	}
	switch p.Stage {
	case bundle.StageShadow:
		if len(p.Nodes) == 0 || p.Share != 0 {
			return fmt.Errorf("stage: %w: shadow wants nodes and no share", ErrInvalid)
		}
	case bundle.StageCanary:
		if p.Share < 1 || p.Share > 99 {
			return fmt.Errorf("share_percent: %d %w: canary wants 1 to 99", p.Share, ErrInvalid)
		}
	case bundle.StageAll:
		if len(p.Nodes) != 0 || p.Share != 0 {
			return fmt.Errorf("stage: %w: all wants neither nodes nor a share", ErrInvalid)
		}
	default:
		return fmt.Errorf("stage: %.40q %w: it is shadow, canary or all", p.Stage, ErrInvalid)
	}
	return nil
}

// next returns the rollout that carries a plan out after r.
func (r Rollout) next(p Plan) Rollout {
	n := Rollout{Stable: r.Stable, Before: r.Before, Stage: p.Stage, Reason: p.Reason}
	if p.Stage != bundle.StageAll {
		n.Candidate, n.Share, n.Nodes = p.Bundle, p.Share, slices.Clone(p.Nodes)
		return n
	}
	if p.Bundle != r.Stable {
		n.Stable = p.Bundle
		n.Before = append(slices.Clone(r.Before), r.Stable)
		n.Before = n.Before[max(0, len(n.Before)-maxBefore):]
	}
	return n
}

// ErrNothing means that there is nothing to take back.
var ErrNothing = errors.New("there is no bundle to take back")

// back returns the rollout that takes r back: without its candidate, or where it
// has none, with the stable bundle before it.
func (r Rollout) back(reason string) (Rollout, error) {
	n := Rollout{Stable: r.Stable, Before: r.Before, Stage: bundle.StageAll, Reason: reason}
	if r.Candidate != "" {
		return n, nil
	}
	if len(r.Before) == 0 {
		return n, ErrNothing
	}
	last := len(r.Before) - 1
	n.Stable, n.Before = r.Before[last], slices.Clone(r.Before[:last])
	return n, nil
}

// offer returns what a node is offered. It is not signed.
func (r *Rollout) offer(node string) bundle.Offer {
	o := bundle.Offer{Node: node, Serial: r.Serial, Stable: r.Stable}
	if r.Candidate != "" && (len(r.Nodes) == 0 || slices.Contains(r.Nodes, node)) {
		o.Candidate, o.Stage, o.Share = r.Candidate, r.Stage, r.Share
	}
	return o
}

// text is how a rollout is kept.
func (r *Rollout) text() ([]byte, error) { return json.Marshal(r) }

func parseRollout(text []byte) (*Rollout, error) {
	r := &Rollout{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("read rollout: %w", err)
	}
	return r, nil
}
