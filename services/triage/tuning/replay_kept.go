package tuning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/waf"
)

// Replay asks what other rules make of the requests that nodes have kept. The zero value
// asks of the newest [ReplayLimit] of all sites.
type Replay struct {
	Sites    []string  // only these; none takes all
	From, To time.Time // From <= time < To; a zero time is no bound
	Limit    int       // requests that are judged at most, the newest; 0 is ReplayLimit
}

// Bounds of what is asked for.
const (
	MaxReplaySites = 20
	MaxReplay      = 1_000_000 // requests
	ReplayLimit    = 50_000    // where nothing else is said
)

// Check names what is out of range.
func (q *Replay) Check() error {
	switch {
	case len(q.Sites) > MaxReplaySites:
		return fmt.Errorf("sites: are %d, more than %d", len(q.Sites), MaxReplaySites)
	case q.Limit < 0 || q.Limit > MaxReplay:
		return fmt.Errorf("limit: is not between 0 and %d", MaxReplay)
	case slices.Contains(q.Sites, ""):
		return errors.New("sites: one of them is empty")
	}
	if _, err := query.Parse(ofSites(q.Sites), time.Time{}); err != nil {
		return errors.New("sites: one of them is no name")
	}
	return nil
}

// Change is what becomes of a request under other rules.
type Change string

// The changes.
const (
	NewlyBlocked Change = "newly_blocked"
	NewlyAllowed Change = "newly_allowed"
	Unchanged    Change = "unchanged"
	Failed       Change = "failed" // the rules cannot judge it, or not in time
)

// Replayed is a kept request and what becomes of it. The verdict of its copy is that of
// the moment, or of the model of the program where there was none.
type Replayed struct {
	waf.Replayed
	Change Change
	Attack bool // the verdict takes it for one
}

// Taken counts requests by what their verdict takes them for.
type Taken struct{ Attack, Legit int }

// All is how many there are.
func (t Taken) All() int { return t.Attack + t.Legit }

// ReplaySums counts the requests of a replay.
type ReplaySums struct {
	NewlyBlocked, NewlyAllowed Taken
	Unchanged, Failed          int
	// Left out: what is masked in the copy changes what rules decide; the copy cannot be
	// opened.
	Unfaithful, Unreadable int
	Partial                []string // why not all were judged; empty if they were
}

// ErrReplayTime is the cause of the end of a context whose time is over, see [ReplayKept].
var ErrReplayTime = errors.New("the time of the replay is over: ask for less")

// ReplayKept judges kept requests by other rules, the newest first, on all processors,
// and hands each with the sums so far to yield, from one goroutine; both are valid during
// the call. Copies about which rules say something else than about the request are left
// out and counted. They are read page by page, so that no read of the store waits for
// rules. It ends with the first error of yield, and with ctx; if the cause of that is
// [ErrReplayTime] the sums are those of what was judged by then, and say so.
func ReplayKept(ctx context.Context, copies *kept.Library, by waf.Replayer, q Replay, yield func(*Replayed, *ReplaySums) error) (*ReplaySums, error) {
	model, err := verdict.Default()
	if err != nil {
		return nil, err
	}
	r := keptReader{library: copies, asked: q}
	sums := &ReplaySums{}
	err = by.Run(ctx, func(yield func(*kept.Copy, error) bool) { r.read(ctx, yield) }, func(x waf.Replayed) error {
		one := newReplayed(x, model)
		sums.add(one)
		sums.Unfaithful, sums.Unreadable = int(r.unfaithful.Load()), int(r.unreadable.Load())
		return yield(one, sums)
	})
	sums.Unfaithful, sums.Unreadable, sums.Partial = int(r.unfaithful.Load()), int(r.unreadable.Load()), r.partial
	if err != nil && errors.Is(context.Cause(ctx), ErrReplayTime) {
		sums.Partial = append(sums.Partial, ErrReplayTime.Error())
		err = nil
	}
	return sums, err
}

// newReplayed says what becomes of a request.
func newReplayed(x waf.Replayed, model *verdict.Model) *Replayed {
	c := x.Copy
	if c.Model == "" {
		in := verdict.Input{Request: &c.Request, Block: c.Block, Score: c.Score, Rules: c.Rules}
		for i := range x.Before {
			in.Matches = append(in.Matches, verdict.Match{Rule: x.Before[i].RuleID, Variable: x.Before[i].Variable})
		}
		v := model.Score(nil, in)
		c.PAttack, c.Kind = v.PAttack, v.Kind
	}
	one := &Replayed{Replayed: x, Change: Unchanged, Attack: c.PAttack >= Suspect}
	switch {
	case x.Err != nil:
		one.Change = Failed
	case x.After.Block && !c.Block:
		one.Change = NewlyBlocked
	case c.Block && !x.After.Block:
		one.Change = NewlyAllowed
	}
	return one
}

func (s *ReplaySums) add(x *Replayed) {
	switch x.Change {
	case NewlyBlocked:
		s.NewlyBlocked.add(x.Attack)
	case NewlyAllowed:
		s.NewlyAllowed.add(x.Attack)
	case Failed:
		s.Failed++
	default:
		s.Unchanged++
	}
}

func (t *Taken) add(attack bool) {
	if attack {
		t.Attack++
	} else {
		t.Legit++
	}
}

// Bounds of what is read at once.
const (
	replayPage      = 100 // copies
	replayPageBytes = 16 << 20
)

// errPageFull ends a page that is too large.
var errPageFull = errors.New("page is full")

// keptReader reads the copies of a replay.
type keptReader struct {
	library *kept.Library
	asked   Replay

	unfaithful, unreadable atomic.Int64
	partial                []string // of the reading goroutine
}

// read yields faithful copies, the newest first.
func (r *keptReader) read(ctx context.Context, yield func(*kept.Copy, error) bool) {
	left := r.asked.Limit
	if left == 0 {
		left = ReplayLimit
	}
	q := kept.Query{Filter: ofSites(r.asked.Sites), From: r.asked.From, To: r.asked.To, PageSize: replayPage}
	for {
		all, page, err := r.page(ctx, q)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, why := range page.Partial {
			if !slices.Contains(r.partial, why) {
				r.partial = append(r.partial, why)
			}
		}
		for _, c := range all {
			if left == 0 {
				r.partial = append(r.partial, "there are more requests than are judged at most: the newest are taken")
				return
			}
			left--
			if !yield(c, nil) {
				return
			}
		}
		if q.PageToken = page.Next; q.PageToken == "" {
			return
		}
	}
}

// page reads so many copies as the query names, or fewer if they are large, but one.
func (r *keptReader) page(ctx context.Context, q kept.Query) (all []*kept.Copy, page kept.Page, err error) {
	for {
		met, unfaithful, bytes := 0, 0, 0
		all = nil
		page, err = r.library.Each(ctx, q, func(c *kept.Copy) error {
			met++
			bytes += len(c.Request.Body) + len(c.Request.URI)
			switch {
			case bytes > replayPageBytes && met > 1:
				return errPageFull
			case len(r.asked.Sites) > 0 && !slices.Contains(r.asked.Sites, c.Request.Site): // queries do not tell upper and lower case apart
			case !c.Faithful:
				unfaithful++
			default:
				all = append(all, c)
			}
			return nil
		})
		if errors.Is(err, errPageFull) {
			q.PageSize = met - 1 // only the store can name the place where a page ends
			continue
		}
		if err != nil {
			return nil, page, fmt.Errorf("read kept requests: %w", err)
		}
		r.unfaithful.Add(int64(unfaithful))
		r.unreadable.Add(int64(page.Unreadable))
		return all, page, nil
	}
}

// ofSites is a filter for the events of sites, "" for all.
func ofSites(sites []string) string {
	if len(sites) == 0 {
		return ""
	}
	quoted := make([]string, len(sites))
	for i, s := range sites {
		quoted[i] = query.Quote(s)
	}
	return "waf.site: (" + strings.Join(quoted, " or ") + ")"
}
