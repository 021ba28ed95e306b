package tuning

import (
	"context"
	"fmt"
	"math"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/waf"
)

// Observed is a request of a site and what is known of it. Blocked of Decided is not
// looked at: each point of the curve decides anew.
type Observed struct {
	waf.Grades
	verdict.Decided
	// Weight is how many requests it stands for, itself with them; 0 is 1. Probability
	// of Decided is that with which its label was drawn among them all.
	Weight float64
}

// Share is a part of n requests, with a 95 % interval.
type Share struct {
	Value, Low, High float64
	N                int
	Effective        float64 // requests drawn with one probability that tell as much
}

// LabelledShare is a rate that rests on labels. Decisions of it are those that the
// requests stand for.
type LabelledShare struct {
	verdict.Estimate
	N         int
	Effective float64 // as that of Share: of those that are likely in the denominator
}

// Point is what the rules would do at a paranoia level and an inbound threshold. The
// intervals are those of the traffic that the requests are a random sample of, so that
// they do not close when each of them has a label.
type Point struct {
	Paranoia, Threshold   int
	Blocked               Share
	FalsePositive, Missed LabelledShare
}

// Curve returns a point for each paranoia level and each of the thresholds, in this
// order, over the requests of one site. What truth their labels leave open it takes
// from [verdict.Rates].
func Curve(ctx context.Context, thresholds []int, all []Observed) ([]Point, error) {
	points := make([]Point, waf.MaxParanoia*len(thresholds))
	others := standIns(all)
	err := eachOf(ctx, len(points), func(i int) (err error) {
		points[i], err = pointOf(1+i/len(thresholds), thresholds[i%len(thresholds)], all, others)
		return err
	})
	if err != nil {
		return nil, err
	}
	return points, nil
}

// standIns are for how many others each request stands: whole numbers, whose sum is
// within one of that of the weights.
func standIns(all []Observed) []int {
	others, sum, told := make([]int, len(all)), 0.0, 0.0
	for i := range all {
		sum += all[i].weight()
		n := max(1, math.Round(sum-told))
		told += n
		others[i] = int(n) - 1
	}
	return others
}

func (o *Observed) weight() float64 {
	if o.Weight == 0 {
		return 1
	}
	return o.Weight
}

// attack is the probability that it is one.
func (o *Observed) attack() float64 {
	switch o.Truth {
	case verdict.Attack:
		return 1
	case verdict.Legitimate:
		return 0
	}
	return o.PAttack
}

func pointOf(paranoia, threshold int, all []Observed, others []int) (Point, error) {
	p := Point{Paranoia: paranoia, Threshold: threshold}
	var rates verdict.Rates
	var blocked, wrongly, missed weighted
	for i := range all {
		o := &all[i]
		d := o.Decided
		d.Blocked = o.Blocks(paranoia, threshold)
		err := rates.Add("", d)
		if err == nil {
			d.Truth, d.Probability = verdict.Unknown, 0
			err = rates.AddUnlabelled("", d, others[i])
		}
		if err != nil {
			return p, fmt.Errorf("count request: %w", err)
		}
		w, attack := o.weight(), o.attack()
		blocked.add(w, 1, d.Blocked)
		wrongly.add(w, 1-attack, d.Blocked)
		missed.add(w, attack, !d.Blocked)
	}
	p.Blocked = blocked.share(len(all))
	for _, e := range rates.Estimates("") {
		switch e.Rate {
		case verdict.FalsePositive:
			p.FalsePositive = wrongly.ofTraffic(e, len(all))
		case verdict.Missed:
			p.Missed = missed.ofTraffic(e, len(all))
		}
	}
	return p, nil
}

// weighted are sums over requests that are drawn with different probabilities, each
// in the denominator of a share with a probability of its own.
type weighted struct{ all, squares, hit, hitSquares float64 }

func (s *weighted) add(weight, member float64, hit bool) {
	s.all += weight * member
	s.squares += weight * weight * member
	if hit {
		s.hit += weight * member
		s.hitSquares += weight * weight * member
	}
}

// effective is how many requests drawn with one probability tell as much: the number
// of Kish, or fewer where the variance of the share (Hájek) says so, as it does where
// what is counted lies among the heavy ones.
func (s *weighted) effective() float64 {
	if s.squares == 0 {
		return 0
	}
	n := s.all * s.all / s.squares
	p := s.hit / s.all
	variance := s.hitSquares*(1-p)*(1-p) + (s.squares-s.hitSquares)*p*p
	if variance > 0 {
		n = min(n, p*(1-p)*s.all*s.all/variance)
	}
	return n
}

func (s *weighted) share(n int) Share {
	x := Share{N: n, Effective: s.effective()}
	if s.all > 0 {
		x.Value = s.hit / s.all
	}
	x.Low, _ = Wilson(x.Value, x.Effective)
	_, x.High = Wilson(x.Value, x.Effective)
	return x
}

// ofTraffic widens the interval of a rate of requests to that of the traffic of which
// they are a random sample.
func (s *weighted) ofTraffic(e verdict.Estimate, n int) LabelledShare {
	x := LabelledShare{Estimate: e, N: n, Effective: s.effective()}
	if e.Enough {
		x.Low, _ = Wilson(e.Low, x.Effective)
		_, x.High = Wilson(e.High, x.Effective)
	}
	return x
}

// Wilson is the 95 % interval of Wilson of a share of n requests.
func Wilson(share, n float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	const z = 1.96
	middle, spread := share+z*z/(2*n), z*math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	low, high = max(0, (middle-spread)/(1+z*z/n)), min(1, (middle+spread)/(1+z*z/n))
	return min(low, share), max(high, share)
}
