package query

import (
	"cmp"
	"math"
	"slices"
)

// The digest keeps so many values as they are, then as many clusters at most.
// With these a quantile is off by less than 0.5 % of rank.
const (
	digestBuffer   = 2048
	digestClusters = 600
)

// cluster is the mean of values that lie together.
type cluster struct {
	mean   float64
	weight float64
}

// digest estimates quantiles: exactly up to digestBuffer different additions,
// beyond as a t-digest (Dunning and Ertl, 2019, the merging variant), whose
// clusters are smaller towards the ends. It uses no randomness.
type digest struct {
	clusters []cluster // the first merged are in order, the others as they came
	merged   int
	exact    bool // no cluster holds different values
	low      float64
	high     float64
}

// add adds a value n times and returns by how many bytes the state grew.
func (d *digest) add(f, n float64) int64 {
	if f != f {
		return 0
	}
	if len(d.clusters) == 0 {
		d.exact, d.low, d.high = true, f, f
	}
	d.low, d.high = min(d.low, f), max(d.high, f)
	before := cap(d.clusters)
	d.clusters = append(d.clusters, cluster{f, n})
	if len(d.clusters) >= digestBuffer {
		d.compress()
	}
	return int64(cap(d.clusters)-before) * 16
}

func (d *digest) merge(o *digest) int64 {
	var grown int64
	for _, c := range o.clusters {
		grown += d.add(c.mean, c.weight)
	}
	if len(o.clusters) > 0 {
		d.low, d.high = min(d.low, o.low), max(d.high, o.high)
		d.exact = d.exact && o.exact
	}
	return grown
}

// settle sorts the clusters and joins those of one value.
func (d *digest) settle() {
	if d.merged == len(d.clusters) {
		return
	}
	slices.SortFunc(d.clusters, func(a, b cluster) int {
		return cmp.Or(cmp.Compare(a.mean, b.mean), cmp.Compare(a.weight, b.weight))
	})
	kept := d.clusters[:1]
	for _, c := range d.clusters[1:] {
		if last := &kept[len(kept)-1]; last.mean == c.mean {
			last.weight += c.weight
		} else {
			kept = append(kept, c)
		}
	}
	d.clusters, d.merged = kept, len(kept)
}

// compress joins neighbours as far as the scale function allows, where that is
// needed to make room.
func (d *digest) compress() {
	d.settle()
	if len(d.clusters) < digestBuffer/2 {
		return
	}
	d.exact = false
	total := d.weight()
	kept := d.clusters[:1]
	done := 0.0 // weight before the last kept cluster
	limit := total * nextQuantile(0)
	for _, c := range d.clusters[1:] {
		last := &kept[len(kept)-1]
		if done+last.weight+c.weight <= limit {
			last.weight += c.weight
			last.mean += (c.mean - last.mean) * c.weight / last.weight
			continue
		}
		done += last.weight
		limit = total * nextQuantile(done/total)
		kept = append(kept, c)
	}
	d.clusters, d.merged = kept, len(kept)
}

// nextQuantile returns where a cluster that begins at quantile q must end: one
// step further on the scale k(q) = δ/2π · asin(2q-1).
func nextQuantile(q float64) float64 {
	const step = 2 * math.Pi / digestClusters
	angle := math.Asin(2*min(max(q, 0), 1)-1) + step
	if angle >= math.Pi/2 {
		return 1
	}
	return (math.Sin(angle) + 1) / 2
}

func (d *digest) weight() float64 {
	total := 0.0
	for i := range d.clusters {
		total += d.clusters[i].weight
	}
	return total
}

// quantile returns the value at q, 0 to 1: the one at position q·(n-1), linear
// between neighbours. It reports false for an empty digest.
func (d *digest) quantile(q float64) (float64, bool) {
	if len(d.clusters) == 0 {
		return 0, false
	}
	d.settle()
	if d.exact {
		return d.exactQuantile(q), true
	}
	rank := q * d.weight()
	// A cluster's mean stands at the middle of its weight.
	at, before, value := 0.0, 0.0, d.low
	for _, c := range d.clusters {
		middle := at + c.weight/2
		if rank <= middle {
			return between(value, c.mean, (rank-before)/max(middle-before, 1e-300)), true
		}
		at, before, value = at+c.weight, middle, c.mean
	}
	return between(value, d.high, (rank-before)/max(at-before, 1e-300)), true
}

func (d *digest) exactQuantile(q float64) float64 {
	position := q * (d.weight() - 1)
	whole := math.Floor(position)
	at := 0.0
	for i, c := range d.clusters {
		at += c.weight
		if whole < at-1 || i == len(d.clusters)-1 {
			return c.mean
		}
		if whole == at-1 {
			return between(c.mean, d.clusters[i+1].mean, position-whole)
		}
	}
	return d.high
}

func between(a, b, share float64) float64 {
	if a == b || share <= 0 {
		return a
	}
	if share >= 1 {
		return b
	}
	return a*(1-share) + b*share
}
