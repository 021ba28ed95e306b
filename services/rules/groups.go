package rules

import (
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Bounds of one look at groups, for as long as which detection waits: some
// milliseconds.
const (
	MaxGroupPage = 200
	maxGroupSkip = 1 << 16
)

// Errors of [Keeper.Groups].
var (
	ErrNoDetection   = errors.New("no rules are used on events yet")
	ErrNoCorrelation = errors.New("no correlation in use has this id")
)

// Group is one group of a correlation: the events of one client, say.
type Group struct {
	Members     []detection.Member
	Value       float64 // what the condition compares, of the window that ends at the newest event; finite, or NaN
	Holds       bool    // the condition holds for that window
	Events      int     // that are kept; those that can change nothing any more are not
	First, Last time.Time
	Fired       time.Time // event at which it last fired; zero if it did not
}

// Groups is a page of the groups of a correlation.
type Groups struct {
	Groups []Group
	Held   int // groups of the correlation that are in memory
	Next   int // skip of the next page; 0 if there is none, or it is too far back
}

// Groups returns the living groups of a correlation, by the id that findings give
// it, as detection has them now: those with the newest events first, without as
// many as skip says, size at most. Groups move up while events come.
func (k *Keeper) Groups(id string, skip, size int) (Groups, error) {
	k.mu.Lock()
	d := k.live
	k.mu.Unlock()
	if d == nil {
		return Groups{}, ErrNoDetection
	}
	return d.groups(id, skip, min(size, MaxGroupPage))
}

func (d *detector) groups(id string, skip, size int) (page Groups, err error) {
	list := d.set.links.Correlations()
	i := slices.IndexFunc(list, func(c *sigma.Correlation) bool { return c.Key() == id })
	if i < 0 {
		return page, ErrNoCorrelation
	}
	if skip > maxGroupSkip {
		return page, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	page.Held = d.correlator.Held(list[i])
	for g := range d.correlator.Groups(list[i], skip) {
		if len(page.Groups) == size {
			if page.Next = skip + size; page.Next > maxGroupSkip {
				page.Next = 0
			}
			break
		}
		page.Groups = append(page.Groups, newGroup(list[i], g))
	}
	return page, nil
}

func newGroup(c *sigma.Correlation, s *sigma.GroupState) Group {
	g := Group{Value: max(-math.MaxFloat64, min(s.Value, math.MaxFloat64)), Holds: s.Holds, Events: s.Entries, First: time.Unix(0, s.First).UTC(), Last: time.Unix(0, s.Last).UTC()}
	if s.Fired != 0 {
		g.Fired = time.Unix(0, s.Fired).UTC()
	}
	for i, v := range s.Values {
		g.Members = append(g.Members, detection.Member{Field: c.GroupBy[i], Value: strings.Clone(v)})
	}
	return g
}
