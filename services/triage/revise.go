package triage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/state"
)

// Bounds of a look at what became known.
const (
	reviseEach   = time.Minute
	reviseSpan   = 24 * time.Hour // how old decisions are that are looked at again
	reviseAhead  = time.Minute    // how far the clock of a log may be ahead
	reviseScan   = 20_000         // of them, the newest of nodes, and as many of all logs
	reviseLog    = 5000           // of these, those of one log
	reviseRead   = 100_000        // decisions that are read for that
	reviseMost   = 1000           // revisions of one look; the next one makes more
	reviseClient = 100            // of them, those of one client, and of one log those without a client
	reviseChunk  = 250            // revisions that keep labels waiting at once
	reviseChange = 0.25           // log-odds that a weight must change by
)

// reviseWorthy are the decisions whose verdicts are revised: blocks, and allowed
// requests that are suspect.
const reviseWorthy = "(waf.decision: block or verdict.p_attack >= 0.05) and gatewatch.waf: "

var (
	worthyOfNodes = mustFilter(reviseWorthy + event.WAFByNode)
	worthyOfLogs  = mustFilter(reviseWorthy + event.WAFByLog)
)

// wake lets [Desk.Run] look at once.
func (d *Desk) wake() {
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

// Run looks each minute, and after each label, at what became known of decisions,
// and revises their verdicts, until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	tick := time.NewTicker(reviseEach)
	defer tick.Stop()
	for {
		if n, err := d.Revise(ctx); err != nil && ctx.Err() == nil {
			d.Log.Error("verdicts are not revised", "revised", n, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-d.woken:
		}
	}
}

// Revise revises the verdicts of decisions of the last day: by the labels of
// decisions like them, and by what else their clients did. A revision is a record of
// the queue, and changes neither the verdict of the moment nor what rates rest on. A
// decision with a label of its own is left alone. It returns how many were revised.
func (d *Desk) Revise(ctx context.Context) (n int, err error) {
	now := d.Now()
	given, err := d.State.LabelsThatHold(ctx, now.Add(-4*labelHalfLife), time.Time{}, maxMarks)
	if err != nil {
		return 0, err
	}
	r := revising{opinions: opinions(given, now), clients: map[actor]*conduct{}}
	if err := d.look(ctx, now, &r); err != nil {
		return 0, err
	}
	stale := r.stale()
	for len(stale) > 0 && ctx.Err() == nil {
		chunk := stale[:min(len(stale), reviseChunk)]
		stale = stale[len(chunk):]
		made, err := d.appendRevisions(ctx, chunk)
		n += made
		if err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}

// look reads the decisions that may be revised: those of nodes first, so that no log
// takes their place.
func (d *Desk) look(ctx context.Context, now time.Time, r *revising) error {
	from := now.Add(-reviseSpan)
	if err := d.lookAt(ctx, r, Selection{Filter: worthyOfNodes, From: from}, reviseScan); err != nil {
		return err
	}
	// The times that a log states are anybody's.
	return d.lookAt(ctx, r, Selection{Filter: worthyOfLogs, From: from, To: now.Add(reviseAhead)}, reviseLog)
}

// lookAt reads the decisions of a selection, at most so many of one source.
func (d *Desk) lookAt(ctx context.Context, r *revising, s Selection, ofSource int) error {
	m, err := d.marks(ctx, s)
	if err != nil {
		return err
	}
	read, of, most := 0, map[string]int{}, len(r.seen)+reviseScan
	_, err = d.scan(ctx, s, summary, func(e *event.Event) error {
		if len(r.seen) == most || read == reviseRead {
			return errEnough
		}
		read++
		if of[e.Source] == ofSource {
			return nil
		}
		of[strings.Clone(e.Source)]++
		x := seen{}
		x.read(e)
		m.on(&x.Decision)
		key := keyOf(&x.Decision, readMatches(e))
		x.group = key.alike(&x.Decision)
		r.add(&x, key.Path)
		return nil
	})
	return err
}

// revising is one look at decisions.
type revising struct {
	opinions map[string]opinion
	clients  map[actor]*conduct
	seen     []seen
}

// actor is a client as the nodes tell of it, or a log: what one log says of an address
// moves no decision of others, for a log is as good as its source.
type actor struct{ client, log string }

func (x *seen) actor() actor {
	a := actor{client: clientOf(x.Client)}
	if x.ByLog {
		a.log = x.Source
	}
	return a
}

// clientOf is what one client has for sure: an IPv4 address, or the /64 of an IPv6 one.
func clientOf(address string) string {
	a, err := netip.ParseAddr(address)
	if a = a.Unmap().WithZone(""); err != nil || !a.Is6() {
		return address
	}
	p, _ := a.Prefix(64) // of a valid address
	return p.Addr().String()
}

// seen is a decision, with what its verdict should have been moved by.
type seen struct {
	Decision
	group string
	want  []Evidence
}

func (r *revising) add(x *seen, path string) {
	if !x.Judged {
		return
	}
	r.seen = append(r.seen, *x)
	if x.Client == "" || x.PAttack < surelyAttack || len(r.clients) >= 2*reviseScan {
		return
	}
	c := r.clients[x.actor()]
	if c == nil {
		c = &conduct{paths: map[string]bool{}}
		r.clients[x.actor()] = c
	}
	c.add(path)
}

// stale returns the decisions whose newest revision does not tell what is known.
func (r *revising) stale() []*seen {
	var all []*seen
	of := map[actor]int{}
	for i := range r.seen {
		x := &r.seen[i]
		who := x.actor()
		if x.Label.ID != 0 || of[who] == reviseClient {
			continue
		}
		if o, ok := r.opinions[x.group]; ok && x.group != "" && len(x.Rules) > 0 {
			x.want = append(x.want, o.weigh(x.PAttack))
		}
		if c := r.clients[who]; c != nil {
			if e, ok := c.weigh(&x.Decision); ok {
				x.want = append(x.want, e)
			}
		}
		if i := slices.IndexFunc(x.Moved, isShadow); i >= 0 { // it comes once, and stays
			x.want = append(x.want, x.Moved[i])
		}
		if !alreadyMoved(x.Moved, x.want) {
			if who != (actor{}) { // of a node that does not know the client
				of[who]++
			}
			if all = append(all, x); len(all) == reviseMost {
				break
			}
		}
	}
	return all
}

// alreadyMoved tells whether a verdict is as far moved as it should be.
func alreadyMoved(have, want []Evidence) bool {
	weights := map[string]float64{}
	for _, e := range want {
		weights[e.Name] += e.Weight
	}
	for _, e := range have {
		weights[e.Name] -= e.Weight
	}
	for _, w := range weights {
		if math.Abs(w) >= reviseChange {
			return false
		}
	}
	return true
}

// appendRevisions makes revisions durable.
func (d *Desk) appendRevisions(ctx context.Context, all []*seen) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now().UTC()
	var events []*event.Event
	var late state.Late
	for _, x := range all {
		newest, err := d.State.Verdict(ctx, x.Source, x.ID)
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return 0, err
		}
		if newest.Revision != x.Revision { // a label came between
			continue
		}
		v := x.moved(now)
		late.Verdicts = append(late.Verdicts, v)
		events = append(events, x.moveEvent(&v))
	}
	if len(events) == 0 {
		return 0, nil
	}
	if err := d.append(ctx, events); err != nil {
		return 0, err
	}
	return len(events), d.State.PutLate(ctx, late)
}

// moved is the verdict with what it should be moved by.
func (x *seen) moved(at time.Time) state.Verdict {
	v := state.Verdict{
		Source: x.Source, EventID: x.ID, Revision: x.Revision + 1, Kind: string(x.Kind), Model: x.Model, DecisionTime: x.Time, Time: at,
	}
	odds := logit(x.PAttack)
	for _, e := range x.want {
		odds += e.Weight
		v.Evidence = append(v.Evidence, e.Name+"|"+strconv.FormatFloat(e.Weight, 'f', 2, 64)+"|"+strings.ReplaceAll(e.Detail, "|", "/"))
	}
	v.PAttack = 1 / (1 + math.Exp(-odds))
	if len(x.want) == 0 {
		v.PAttack = x.PAttack
	}
	if x.Blocked {
		v.PFalsePositive = 1 - v.PAttack
	} else {
		v.PMissed = v.PAttack
	}
	return v
}

func (x *seen) moveEvent(v *state.Verdict) *event.Event {
	e := &event.Event{Time: v.Time.UnixNano()}
	e.AddText(event.EventKind, "enrichment")
	e.AddText(event.Message, fmt.Sprintf("p_attack is %.3f, was %.3f at the moment of the decision", v.PAttack, x.PAttack))
	e.AddText(event.VerdictEventID, x.ID)
	e.AddText(pipeline.VerdictSource, x.Source)
	e.AddText(pipeline.VerdictDecided, x.Time.Format(time.RFC3339Nano))
	e.AddText(event.WAFSite, x.Site)
	e.AddText(event.WAFNode, x.Node)
	e.Add(event.VerdictPAttack, event.Float(v.PAttack))
	if x.Blocked {
		e.Add(event.VerdictPFalse, event.Float(v.PFalsePositive))
	} else {
		e.Add(event.VerdictPMissed, event.Float(v.PMissed))
	}
	e.AddText(event.VerdictKind, v.Kind)
	e.AddText(event.VerdictModel, v.Model)
	e.AddInt(event.VerdictRevision, int64(v.Revision))
	for _, line := range v.Evidence {
		e.AddList(event.VerdictEvidence, event.String(line))
	}
	return e
}

// conduct is what a client did that surely was attacks.
type conduct struct {
	n     int
	paths map[string]bool
}

const (
	surelyAttack  = 0.99
	maxPaths      = 16  // of a client that are told apart
	mostOfConduct = 2.0 // log-odds; an address may be that of many
)

func (c *conduct) add(path string) {
	c.n++
	if len(c.paths) < maxPaths {
		c.paths[path] = true
	}
}

// weigh is what the conduct says of another request of the client: the more, the
// more different paths were attacked.
// What the verdict of the moment knew of it counts.
func (c *conduct) weigh(x *Decision) (Evidence, bool) {
	if x.PAttack >= surelyAttack || c.n < 3 {
		return Evidence{}, false
	}
	w := min(mostOfConduct, 0.5*math.Log2(1+float64(c.n))*min(1, float64(len(c.paths))/2))
	for _, e := range x.Evidence {
		if strings.HasPrefix(e.Name, "client") && e.Name != "client data" {
			w -= max(0, e.Weight)
		}
	}
	if w <= 0 {
		return Evidence{}, false
	}
	return Evidence{evidenceConduct, w, verdict.PhraseClientSince.Say(c.n, len(c.paths))}, true
}

const evidenceConduct = "client since"
