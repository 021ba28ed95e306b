// Package fleet is the server's side of rule-set bundles: it keeps them, rolls them
// out to the nodes, hears what became of them, takes them back, and tells of nodes
// that do not run what they should.
package fleet

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// Kinds of what the state keeps.
const (
	kindBundle  = "waf"
	kindRollout = "waf.rollout"
)

// Options are the parts of a fleet.
type Options struct {
	State   *state.DB
	Key     ed25519.PrivateKey
	Audit   func(context.Context, audit.Leaf) (int64, error) // returns once the leaf is durable
	Compile func(*bundle.Bundle) error                       // tries a bundle out
	Record  func(ctx context.Context, raw []byte) error      // takes an event in the format coraza.waf
	Now     func() time.Time
	Log     *slog.Logger
}

// Fleet is the nodes and what they are to run. Its methods may be called
// concurrently.
type Fleet struct {
	Options
	acting sync.Mutex // held by who changes the rollout

	mu      sync.Mutex
	rollout *Rollout // in force, nil before the first
	members map[string]*member
}

// Open reads the rollout in force.
func Open(ctx context.Context, o Options) (*Fleet, error) {
	f := &Fleet{Options: o, members: map[string]*member{}}
	all, err := f.History(ctx, 1)
	if err != nil {
		return nil, fmt.Errorf("open fleet: %w", err)
	}
	if len(all) > 0 {
		f.rollout = all[0]
	}
	return f, nil
}

// PublicKey is the key that nodes are to trust, as their configuration takes it.
func (f *Fleet) PublicKey() string {
	return bundle.FormatPublic(f.Key.Public().(ed25519.PublicKey))
}

// Create keeps a bundle that a person wrote, and returns its name and canonical
// text. Only one that compiles and still detects is kept.
func (f *Fleet) Create(ctx context.Context, actor string, written []byte) (name string, text []byte, err error) {
	b, err := bundle.Read(written)
	if err != nil {
		return "", nil, err
	}
	if text, err = b.Encode(); err != nil {
		return "", nil, err
	}
	if err := f.Compile(b); err != nil {
		return "", nil, fmt.Errorf("%w: %w", bundle.ErrInvalid, err)
	}
	name = bundle.Sum(text)
	leaf := audit.Leaf{Actor: actor, Act: audit.ActBundle, Object: name, Hash: name, Detail: map[string]string{
		"crs": b.CRS, "exclusions": strconv.Itoa(len(b.Exclusions)),
	}}
	err = f.act(ctx, leaf, func(ctx context.Context) error {
		_, err := f.State.PutBundle(ctx, kindBundle, text)
		return err
	})
	return name, text, err
}

// act does something that the audit log tells of first. If it then fails another
// leaf says so.
func (f *Fleet) act(ctx context.Context, leaf audit.Leaf, do func(context.Context) error) error {
	ctx = context.WithoutCancel(ctx)
	index, err := f.Audit(ctx, leaf)
	if err != nil {
		return err
	}
	if err = do(ctx); err == nil {
		return nil
	}
	undo := audit.Leaf{Actor: leaf.Actor, Act: audit.ActUnbundle, Object: leaf.Object, Detail: map[string]string{"leaf": strconv.FormatInt(index, 10)}}
	if _, e := f.Audit(ctx, undo); e != nil {
		f.Log.Error("audit log tells of an act that was not done", slog.String("act", leaf.Act), slog.Any("error", e))
	}
	return err
}

// Bundle returns a bundle with its text. state.ErrNotFound means that there is none.
func (f *Fleet) Bundle(ctx context.Context, name string) (*bundle.Bundle, []byte, error) {
	kind, text, err := f.State.Bundle(ctx, name)
	if err == nil && kind != kindBundle {
		err = state.ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	b, err := bundle.Parse(text)
	return b, text, err
}

// Bundles lists bundles, see [state.DB.Bundles].
func (f *Fleet) Bundles(ctx context.Context, before time.Time, limit int) ([]state.Bundle, error) {
	return f.State.Bundles(ctx, kindBundle, before, limit)
}

// History returns the last rollouts, the newest first.
func (f *Fleet) History(ctx context.Context, limit int) ([]*Rollout, error) {
	rows, err := f.State.Bundles(ctx, kindRollout, time.Time{}, limit)
	if err != nil {
		return nil, err
	}
	all := make([]*Rollout, len(rows))
	for i, row := range rows {
		_, text, err := f.State.Bundle(ctx, row.Sum)
		if err == nil {
			all[i], err = parseRollout(text)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b *Rollout) int { return int(int64(b.Serial) - int64(a.Serial)) })
	return all, nil
}

// RollOut offers a bundle to nodes from now on.
func (f *Fleet) RollOut(ctx context.Context, actor string, p Plan) (*Rollout, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	b, _, err := f.Bundle(ctx, p.Bundle)
	if err != nil {
		return nil, err
	}
	if err := f.Compile(b); err != nil {
		return nil, fmt.Errorf("%w: %w", bundle.ErrInvalid, err)
	}
	return f.change(ctx, actor, func(r Rollout) (Rollout, error) { return r.next(p), nil })
}

// RollBack takes the last rollout back. ErrNothing means that there is none.
func (f *Fleet) RollBack(ctx context.Context, actor, reason string) (*Rollout, error) {
	if len(reason) > maxReason {
		return nil, fmt.Errorf("reason: %w: it has more than %d bytes", ErrInvalid, maxReason)
	}
	return f.change(ctx, actor, func(r Rollout) (Rollout, error) { return r.back(reason) })
}

// change puts another rollout in force: it is in the audit log and durable before
// any node hears of it.
func (f *Fleet) change(ctx context.Context, actor string, next func(Rollout) (Rollout, error)) (*Rollout, error) {
	f.acting.Lock()
	defer f.acting.Unlock()
	var old Rollout
	if r := f.Rollout(); r != nil {
		old = *r
	}
	r, err := next(old)
	if err != nil {
		return nil, err
	}
	now := f.Now()
	// A state that was set back must not give out a serial again that nodes know.
	r.Serial, r.Actor, r.Time = max(old.Serial+1, uint64(now.UnixMilli())), actor, now.UTC()
	text, err := r.text()
	if err != nil {
		return nil, err
	}
	err = f.act(ctx, r.leaf(), func(ctx context.Context) error {
		_, err := f.State.PutBundle(ctx, kindRollout, text)
		return err
	})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.rollout = &r
	var wakes []func()
	for _, m := range f.members {
		wakes = slices.AppendSeq(wakes, maps.Values(m.wakes))
	}
	f.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
	f.Log.Info("bundles are rolled out", "serial", r.Serial, "stable", r.Stable, "candidate", r.Candidate, "stage", r.Stage, "by", actor)
	return &r, nil
}

func (r *Rollout) leaf() audit.Leaf {
	object := r.Stable
	if r.Candidate != "" {
		object = r.Candidate
	}
	nodes := strings.Join(r.Nodes, " ")
	return audit.Leaf{Actor: r.Actor, Act: audit.ActRollOut, Object: object, Hash: object, Detail: map[string]string{
		"serial": strconv.FormatUint(r.Serial, 10), "stable": r.Stable, "candidate": r.Candidate, "stage": string(r.Stage),
		"share": strconv.Itoa(r.Share), "nodes": nodes[:min(len(nodes), 8000)], "reason": r.Reason,
	}}
}

// Rollout returns the one in force, nil if there was none yet.
func (f *Fleet) Rollout() *Rollout {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rollout
}

// Offer returns what a node is to use, signed, with the texts of the bundles; nil
// if there is nothing to say.
func (f *Fleet) Offer(ctx context.Context, node string) (*gatewatchv1.BundleOffer, error) {
	f.mu.Lock()
	r := f.rollout
	m := f.members[node]
	known := r != nil && m != nil && m.status.GetBundleSerial() == r.Serial
	f.mu.Unlock()
	if r == nil || known {
		return nil, nil
	}
	o := r.offer(node)
	o.Sign(f.Key)
	p := &gatewatchv1.BundleOffer{
		Node: o.Node, Serial: o.Serial, Stable: o.Stable, Candidate: o.Candidate, Stage: string(o.Stage),
		SharePercent: uint32(o.Share), Signature: o.Signature,
	}
	for _, name := range []string{o.Stable, o.Candidate} {
		if name == "" {
			continue
		}
		_, text, err := f.Bundle(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("offer bundle: %w", err)
		}
		p.Bundles = append(p.Bundles, text)
	}
	return p, nil
}
