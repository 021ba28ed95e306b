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
}

// Share is a part of n requests, with a 95 % interval.
type Share struct {
	Value, Low, High float64
	N                int
}

// Point is what the rules would do at a paranoia level and an inbound threshold. The
// intervals are those of the traffic that the requests are a random sample of, so that
// they do not close when each of them has a label.
type Point struct {
	Paranoia, Threshold   int
	Blocked               Share
	FalsePositive, Missed verdict.Estimate
}

// Curve returns a point for each paranoia level and each of the thresholds, in this
// order, over the requests of one site. What truth their labels leave open it takes
// from [verdict.Rates].
func Curve(ctx context.Context, site string, thresholds []int, all []Observed) ([]Point, error) {
	points := make([]Point, waf.MaxParanoia*len(thresholds))
	err := eachOf(ctx, len(points), func(i int) (err error) {
		points[i], err = pointOf(site, 1+i/len(thresholds), thresholds[i%len(thresholds)], all)
		return err
	})
	if err != nil {
		return nil, err
	}
	return points, nil
}

func pointOf(site string, paranoia, threshold int, all []Observed) (Point, error) {
	p := Point{Paranoia: paranoia, Threshold: threshold}
	var rates verdict.Rates
	blocked, millionths := 0, int64(0) // of attacks, whose sum is the same in any order
	for i := range all {
		d := all[i].Decided
		d.Blocked = all[i].Blocks(paranoia, threshold)
		if err := rates.Add(site, d); err != nil {
			return p, fmt.Errorf("count request: %w", err)
		}
		if d.Blocked {
			blocked++
		}
		switch d.Truth {
		case verdict.Attack:
			millionths += 1e6
		case verdict.Unknown:
			millionths += int64(math.Round(1e6 * d.PAttack))
		}
	}
	n, attacks := float64(len(all)), float64(millionths)/1e6
	p.Blocked.N = len(all)
	if n > 0 {
		p.Blocked.Value = float64(blocked) / n
	}
	p.Blocked.Low, _ = wilson(p.Blocked.Value, n)
	_, p.Blocked.High = wilson(p.Blocked.Value, n)
	for _, e := range rates.Estimates(site) {
		switch e.Rate {
		case verdict.FalsePositive:
			p.FalsePositive = ofTraffic(e, n-attacks)
		case verdict.Missed:
			p.Missed = ofTraffic(e, attacks)
		}
	}
	return p, nil
}

// ofTraffic widens the interval of a rate of requests to that of the traffic of which
// they are a random sample. n is how many of them the denominator is likely to hold.
func ofTraffic(e verdict.Estimate, n float64) verdict.Estimate {
	if e.Enough {
		e.Low, _ = wilson(e.Low, n)
		_, e.High = wilson(e.High, n)
	}
	return e
}

// wilson is the 95 % interval of Wilson of a share of n requests.
func wilson(share, n float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	const z = 1.96
	middle, spread := share+z*z/(2*n), z*math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	low, high = max(0, (middle-spread)/(1+z*z/n)), min(1, (middle+spread)/(1+z*z/n))
	return min(low, share), max(high, share)
}
