package tuning

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/triage"
)

// stratum is how the copy of a request came to be kept.
type stratum uint8

const (
	ofBlocked stratum = iota // as all that are blocked
	ofSuspect                // as all that are allowed and likely an attack
	ofSample                 // drawn from the others with a probability that is known
	strata
)

// maxFrameSites bounds the sites that are told apart.
const maxFrameSites = 1000

// frame is what the copies of sites were drawn from.
type frame struct {
	sites map[string]*siteFrame
	limit int // requests of a site that are to be judged
	held  int // members of all parts
	room  int // for them; the limit is halved where there is more
	left  LeftOut
}

// siteFrame is the decisions of a site, and those of them to judge.
type siteFrame struct {
	allowed, blocked int // decisions, with those of which no copy is kept
	kept             [strata]part
}

// part is a random part of the decisions of a stratum of which a copy is kept: those whose
// hash is below a bound.
type part struct {
	n       int // of all
	bound   uint64
	members map[copyName]member
}

type member struct {
	decided
	hash uint64
}

// add takes a decision.
func (f *frame) add(x *triage.Decision, counted verdict.Decided) error {
	s := f.sites[x.Site]
	if s == nil {
		if len(f.sites) == maxFrameSites {
			return fmt.Errorf("requests are of more than %d sites: %w: name one", maxFrameSites, triage.ErrInvalid)
		}
		s = &siteFrame{}
		f.sites[x.Site] = s
	}
	of := ofSample
	switch {
	case x.Blocked:
		s.blocked++
		of = ofBlocked
	default:
		s.allowed++
		if x.Kept == 1 {
			of = ofSuspect
		}
	}
	switch {
	case x.Kept == 0 || x.Request == "":
	case !x.Judged:
		f.left.Unknown++
	default:
		name := copyName{x.Source, x.Request, x.Time.UnixNano()}
		before := len(s.kept[of].members)
		s.kept[of].add(name, decided{ref: x.Ref, counted: counted, stratum: of}, f.share())
		f.held += len(s.kept[of].members) - before
	}
	for f.held > f.room && f.limit > int(strata) {
		f.limit /= 2
		f.thin()
	}
	return nil
}

// thin leaves so many members of each part as the limit allows.
func (f *frame) thin() {
	f.held = 0
	for _, s := range f.sites {
		for i := range s.kept {
			s.kept[i].thin(f.share())
			f.held += len(s.kept[i].members)
		}
	}
}

// share is how many of each stratum are judged at most.
func (f *frame) share() int { return max(1, f.limit/int(strata)) }

func (p *part) add(name copyName, d decided, most int) {
	p.n++
	if p.members == nil {
		p.members, p.bound = map[copyName]member{}, math.MaxUint64
	}
	sum := sha256.Sum256([]byte(name.source + "\x00" + d.ref.ID))
	if h := binary.BigEndian.Uint64(sum[:]); h <= p.bound {
		p.members[name] = member{d, h}
	}
	p.thin(most)
}

// thin halves the part until no more than most are in it.
func (p *part) thin(most int) {
	for len(p.members) > most {
		p.bound /= 2
		maps.DeleteFunc(p.members, func(_ copyName, m member) bool { return m.hash > p.bound })
	}
}

// inverse is one over the probability with which a decision is in the part.
func (p *part) inverse() float64 { return math.MaxUint64 / float64(p.bound) }

// largest keeps the sites with the most requests, with so many requests to judge in all,
// and returns how many other ones there were.
func (f *frame) largest(sites, requests int) (gone int) {
	names := slices.SortedFunc(maps.Keys(f.sites), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.sites[b].requests(), f.sites[a].requests()), cmp.Compare(a, b))
	})
	for _, name := range names[min(sites, len(names)):] {
		delete(f.sites, name)
		gone++
	}
	if len(f.sites) == 0 {
		return gone
	}
	f.limit = min(f.limit, requests/len(f.sites))
	f.thin()
	return gone
}

// wanted are the requests to judge.
func (f *frame) wanted() map[copyName]decided {
	all := map[copyName]decided{}
	for _, s := range f.sites {
		for i := range s.kept {
			for name, m := range s.kept[i].members {
				all[name] = m.decided
			}
		}
	}
	return all
}

func (s *siteFrame) requests() int { return s.allowed + s.blocked }

// weigh says for how many requests each of those that were judged stands. The weights
// are one over the probability with which it was kept, made to add up to the number of
// requests of its stratum, so that those of which there is no copy, or one that says
// nothing, are stood for. why says what is stood for by none, "" if all are.
func (s *siteFrame) weigh(all []request, observed []Observed) (why string) {
	var sums, most [strata]float64
	whole := slices.ContainsFunc(all, drawnWhole)
	of := func(r *request) stratum {
		if whole && r.stratum == ofSuspect {
			return ofSample
		}
		return r.stratum
	}
	for i := range all {
		observed[i].Weight = s.kept[all[i].stratum].inverse() / all[i].copy.Probability
		sums[of(&all[i])] += observed[i].Weight
	}
	most[ofBlocked], most[ofSample] = float64(s.blocked), float64(s.allowed)
	if !whole {
		most[ofSuspect] = float64(s.kept[ofSuspect].n)
		most[ofSample] -= most[ofSuspect]
	}
	switch {
	case most[ofSample] > 0 && sums[ofSample] == 0:
		return fmt.Sprintf("no random sample of its %d allowed requests can be judged: nodes keep one where replay.keep is sample", s.allowed)
	case most[ofSuspect] > 0 && sums[ofSuspect] == 0:
		return fmt.Sprintf("none of its %d suspect requests can be judged", s.kept[ofSuspect].n)
	case most[ofBlocked] > 0 && sums[ofBlocked] == 0:
		return fmt.Sprintf("none of its %d blocked requests can be judged", s.blocked)
	}
	for i := range all {
		o := &observed[i]
		o.Weight *= most[of(&all[i])] / sums[of(&all[i])]
		if o.Probability > 0 { // drawn for a label, and kept
			o.Probability = min(1, max(leastProbability, o.Probability/o.Weight))
		}
	}
	return ""
}

// drawnWhole tells whether a request was drawn for the sample with a probability of 1.
// Where some are, those that are kept always cannot be told from the sample before
// their copies are read: both are one then.
func drawnWhole(r request) bool { return r.stratum == ofSuspect && r.copy.Why == kept.Sampled }

// leastProbability is the least one that rates take.
const leastProbability = 1e-9
