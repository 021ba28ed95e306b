package tuning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/triage"
)

// Live is where the requests of a server come from. Its methods may be called
// concurrently.
type Live struct {
	Desk   *triage.Desk
	Copies *kept.Library
	Rules  RulesFunc
	Levels LevelsFunc
}

// Selection says which kept requests a question is about.
type Selection struct {
	Filter   query.Expr // of decisions; nil takes all
	From, To time.Time  // From <= time < To; a zero time is no bound
	Group    triage.Ref // only the group of this decision, unless its id is ""
}

// LeftOut counts requests that a question is about and that say nothing.
type LeftOut struct {
	Uncopied   int // no copy is kept
	Unfaithful int // what is masked in the copy changes what the rules decide
	Unreadable int // the copy cannot be opened, or not be judged
	Unknown    int // there is neither a label nor a verdict, or somebody was unsure
	Otherwise  int // the rules in use decide otherwise than the node did
	TooMany    int // more than fits in memory; the newest are taken
	Late       int // the time was over before they were judged
}

func (l *LeftOut) add(o LeftOut) {
	l.Uncopied += o.Uncopied
	l.Unfaithful += o.Unfaithful
	l.Unreadable += o.Unreadable
	l.Unknown += o.Unknown
	l.Otherwise += o.Otherwise
	l.TooMany += o.TooMany
	l.Late += o.Late
}

// String tells the counts in words, "" if nothing was left out.
func (l LeftOut) String() string {
	var all []string
	for _, x := range []struct {
		n    int
		what string
	}{
		{l.Uncopied, "of which no copy is kept"},
		{l.Unfaithful, "whose copies are masked where the rules look"},
		{l.Unreadable, "whose copies cannot be opened or judged"},
		{l.Unknown, "without a label or verdict"},
		{l.Otherwise, "that the rules in use decide otherwise"},
		{l.TooMany, "older than fit in memory"},
		{l.Late, "that were not judged before the time was over"},
	} {
		if x.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	return strings.Join(all, ", ")
}

// Bounds of the requests of one question.
const (
	maxDecisions = 500_000
	maxCopies    = 50_000
	maxBytes     = 256 << 20
)

// decided is what is known of the decision about a request.
type decided struct {
	ref     triage.Ref
	pAttack float64
	labeled bool
	verdict float64 // beside a label; 0 if there is none
	labeler string
	blocked bool
	counted verdict.Decided // as rates count it; for what-if alone
	stratum stratum         // for what-if alone
}

// copyName names a copy and its decision.
type copyName struct {
	source, id string
	time       int64
}

// request is a copy with what is known of it.
type request struct {
	decided
	copy *kept.Copy
}

// errFull ends a reader that has enough.
var errFull = errors.New("enough requests")

// read returns the requests of a selection, by site. what are further filters.
func (l *Live) read(ctx context.Context, s Selection, what string) (bySite map[string][]request, left LeftOut, partial []string, err error) {
	q, err := query.Parse(what, s.To)
	if err != nil {
		return nil, left, nil, fmt.Errorf("read requests: %w", err)
	}
	filter := q.Filter
	if s.Filter != nil && s.Filter != query.All {
		filter = &query.And{Exprs: []query.Expr{filter, s.Filter}}
	}
	wanted := map[copyName]decided{}
	partial, err = l.Desk.Each(ctx, triage.Selection{Filter: filter, From: s.From, To: s.To}, s.Group, func(x *triage.Decision) error {
		known, ok := knownOf(x)
		switch {
		case !ok:
			left.Unknown++
		case x.Request == "":
			left.Uncopied++
		case len(wanted) == maxDecisions:
			left.TooMany++
		default:
			wanted[copyName{x.Source, x.Request, x.Time.UnixNano()}] = known
		}
		return nil
	})
	if err != nil || len(wanted) == 0 {
		return nil, left, partial, err
	}
	bySite, missing, more, err := l.copies(ctx, kept.Query{Filter: what, From: s.From, To: s.To}, wanted)
	left.add(missing)
	return bySite, left, append(partial, more...), err
}

// knownOf is what a decision says of its request, if it says anything.
func knownOf(x *triage.Decision) (decided, bool) {
	d := decided{ref: x.Ref, pAttack: x.Now(), blocked: x.Blocked, labeler: x.Label.Actor}
	if x.Judged { // of the moment, too: later labels move what is known now
		d.verdict = max(x.PAttack, x.Now())
	}
	switch triage.Truth(x.Label.Label) {
	case verdict.Attack:
		d.pAttack, d.labeled = 1, true
	case verdict.Legitimate:
		d.pAttack, d.labeled = 0, true
	default:
		if !x.Judged || x.Label.ID != 0 {
			return d, false
		}
	}
	return d, true
}

// copies opens the copies that are wanted, the newest ones up to the bounds.
func (l *Live) copies(ctx context.Context, q kept.Query, wanted map[copyName]decided) (bySite map[string][]request, left LeftOut, partial []string, err error) {
	ring, err := l.Copies.Ring()
	if err != nil {
		return nil, left, nil, err
	}
	bySite = map[string][]request{}
	n, bytes, met := 0, 0, 0
	page, err := l.Copies.Find(ctx, q, func(e *event.Event) error {
		c := kept.Describe(e)
		name := copyName{c.Source, c.ID, c.Time.UnixNano()}
		known, ok := wanted[name]
		if !ok {
			return ctx.Err()
		}
		delete(wanted, name)
		met++
		switch {
		case !c.Faithful:
			left.Unfaithful++
			return ctx.Err()
		case n == maxCopies || bytes > maxBytes:
			return errFull
		}
		c, err := kept.Open(ring, e)
		switch {
		case kept.IsGone(err):
			left.Unreadable++
			return ctx.Err()
		case err != nil:
			return err
		}
		n++
		bytes += len(c.Request.Body) + len(c.Request.URI)
		bySite[c.Request.Site] = append(bySite[c.Request.Site], request{known, &c})
		return ctx.Err()
	})
	if errors.Is(err, errFull) {
		left.TooMany += len(wanted) + 1
		return bySite, left, slices.Clone(page.Partial), nil
	}
	left.Uncopied += len(wanted)
	return bySite, left, slices.Clone(page.Partial), err
}
