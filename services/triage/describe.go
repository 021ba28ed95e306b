package triage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/pipeline"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Bounds of a description.
const (
	alikeSpan    = 7 * 24 * time.Hour // before and after a decision
	alikeScan    = 20_000             // decisions that are looked at, the newest
	maxRevisions = 100
)

// Description is a decision with all that helps to say what it was.
type Description struct {
	Detail
	HTTP      HTTP
	Under     Under
	Points    []Points // of Matches
	Alike     Alike
	Revisions []Revision // the oldest first
	Partial   []string   // why Alike and Revisions are not whole
}

// HTTP is the request as the event has it, and what was answered.
type HTTP struct {
	URL, Host, Version, Agent, Referrer string
	Status, Bytes                       int64 // 0 if they are not known
}

// Under is what the WAF decided under.
type Under struct {
	Mode, Reason        string
	Paranoia, Threshold int64 // 0 if they are not known
}

// Points are what a match added to the anomaly score, and the sum so far.
type Points struct{ Added, Sum int }

// Alike are the decisions of the same group around one.
type Alike struct {
	GroupKey
	N, Open  int // with the decision itself; without a label
	Labels   map[string]int
	Examples []Decision // the newest, but for itself
	More     bool       // there are more than were looked at
}

// Revision is a verdict that came after the one of the moment.
type Revision struct {
	Number   uint64
	Time     time.Time
	PAttack  float64
	Evidence []Evidence
	Message  string
}

// Describe returns a decision with what is alike and what became known of it.
func (d *Desk) Describe(ctx context.Context, ref Ref) (*Description, error) {
	x := &Description{}
	var received time.Time
	detail, err := d.get(ctx, ref, func(e *event.Event) {
		x.read(e)
		received = time.Unix(0, e.Received)
	})
	if err != nil {
		return nil, err
	}
	x.Detail = *detail
	x.Points = points(x.Matches, x.Rules, x.Score)
	from := x.Time
	if received.Before(from) { // by a clock that is ahead
		from = received
	}
	if err := d.revisions(ctx, x, from); err != nil {
		return nil, err
	}
	return x, d.alike(ctx, x)
}

// read takes over what the event says beyond the decision.
func (x *Description) read(e *event.Event) {
	text := func(k event.Key) string { return clip(e.Get(k).String()) }
	x.HTTP = HTTP{
		URL: text(event.URLOriginal), Host: text(event.URLDomain), Version: text(event.HTTPVersion), Agent: text(event.UserAgentOriginal),
		Referrer: text(event.HTTPRequestReferrer), Status: e.Get(event.HTTPResponseStatusCode).Int(), Bytes: e.Get(event.HTTPResponseBytes).Int(),
	}
	x.Under = Under{text(event.WAFMode), text(event.WAFReason), e.Get(event.WAFParanoiaLevel).Int(), e.Get(event.WAFThreshold).Int()}
}

// pointsOf are the points of the Core Rule Set for severities.
var pointsOf = map[string]int{"critical": 5, "error": 4, "warning": 3, "notice": 2}

// points tells how matches of rules that scored sum up to a score: each match
// counts, or each rule once. Where neither comes to the score nothing is known.
func points(matches []Match, rules []string, score int64) []Points {
	for _, once := range []bool{false, true} {
		all, sum, seen := make([]Points, len(matches)), 0, map[string]bool{}
		for i, m := range matches {
			if !slices.Contains(rules, m.Rule) || once && seen[m.Rule] {
				continue
			}
			seen[m.Rule] = true
			if n := pointsOf[strings.ToLower(m.Severity)]; n > 0 {
				sum += n
				all[i] = Points{n, sum}
			}
		}
		if int64(sum) == score {
			return all
		}
	}
	return make([]Points, len(matches))
}

// revisions reads what became known of a decision from a time on.
func (d *Desk) revisions(ctx context.Context, x *Description, from time.Time) error {
	about, err := query.Parse(event.VerdictEventID.String()+": "+query.Quote(x.ID), time.Time{})
	if err != nil { // an id that no query can name
		return nil
	}
	q := &query.Query{Filter: &query.And{Exprs: []query.Expr{lateEvents, about.Filter}}}
	q.Text = q.Filter.String()
	page, err := d.Events.Search(ctx, store.SearchRequest{Query: q, From: from}, func(e *event.Event) error {
		if e.Get(event.VerdictEventID).Text() != x.ID || e.Get(pipeline.VerdictSource).Text() != x.Source {
			return nil
		}
		if len(x.Revisions) == maxRevisions {
			return errEnough
		}
		r := Revision{
			Number: uint64(max(0, e.Get(event.VerdictRevision).Int())), Time: time.Unix(0, e.Time).UTC(),
			PAttack: e.Get(event.VerdictPAttack).Float(), Message: clip(e.Get(event.Message).Text()),
		}
		if reason := clip(e.Get(pipeline.VerdictReason).Text()); reason != "" {
			r.Message += ": " + reason
		}
		for _, text := range texts(e, event.VerdictEvidence, maxEvidence) {
			r.Evidence = append(r.Evidence, readEvidence(text))
		}
		x.Revisions = append(x.Revisions, r)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("read revisions: %w", err)
	}
	x.Partial = append(x.Partial, page.Stats.Partial...)
	slices.SortStableFunc(x.Revisions, func(a, b Revision) int { return a.Time.Compare(b.Time) })
	return nil
}

// alike counts the decisions of the group.
func (d *Desk) alike(ctx context.Context, x *Description) error {
	x.Alike = Alike{GroupKey: x.key(), Labels: map[string]int{}}
	s := Selection{From: x.Time.Add(-alikeSpan), To: x.Time.Add(alikeSpan), Filter: x.near()}
	m, err := d.marks(ctx, s)
	if err != nil {
		return err
	}
	scanned := 0
	partial, err := d.scan(ctx, s, summary, func(e *event.Event) error {
		if x.Alike.More = scanned == alikeScan; x.Alike.More {
			return errEnough
		}
		scanned++
		o := Decision{}
		o.read(e)
		if keyOf(&o, readMatches(e)) != x.Alike.GroupKey {
			return nil
		}
		m.on(&o)
		x.Alike.N++
		if o.Label.ID == 0 {
			x.Alike.Open++
		} else {
			x.Alike.Labels[o.Label.Label]++
		}
		if o.Ref != x.Ref && len(x.Alike.Examples) < maxExamples {
			x.Alike.Examples = append(x.Alike.Examples, o)
		}
		return nil
	})
	x.Partial = append(x.Partial, partial...)
	return err
}

// near is a filter that takes all decisions alike, and few others.
func (x *Description) near() query.Expr {
	text := event.WAFDecision.String() + ": " + decisionOf(x.Blocked)
	if s := x.Site; s != "" && len(s) < maxText {
		text += " and (" + event.WAFSite.String() + ": " + query.Quote(s) + " or " + event.URLDomain.String() + ": " + query.Quote(s) + ")"
	}
	if r := x.Alike.Rule; r != "" && slices.Contains(x.Rules, r) {
		text += " and " + event.RuleID.String() + ": " + query.Quote(r)
	}
	q, err := query.Parse(text, time.Time{})
	if err != nil { // the group alone tells them then
		return nil
	}
	return q.Filter
}
