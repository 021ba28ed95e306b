package verdict

import (
	"math"
	"slices"
)

// row is one example as the request model sees it in training.
type row struct {
	x      vector
	attack bool
	weight float32
}

// forestTrainer grows trees on histograms of the features.
type forestTrainer struct {
	rows  []row
	bins  [featureCount][]float32 // lower bounds of the bins after the first
	cell  [][featureCount]uint8   // of each row
	score []float32
	grad  []float32
	hess  []float32
}

const (
	forestTrees  = 160
	forestDepth  = 4
	forestRate   = 0.1
	forestBins   = 48
	minLeaf      = 8.0 // sum of second derivatives
	forestShrink = 4.0 // penalty on values of leaves
)

// rising are features of which more is never less suspicious: a bound on what
// the trees may learn from the accidents of a source.
var rising = func() (r [featureCount]bool) {
	for _, f := range []feature{fMargin, fText, fShape, fSecond, fWrapper, fWrapperShape, fMatched, fMatchedText, fRuleMax, fDensity} {
		r[f] = true
	}
	for i := range langBenign {
		r[fLanguages+feature(i)] = true
	}
	r[fLanguages+feature(langEncoding)] = false
	r[fLanguages+feature(langURL)] = false
	return r
}()

// fitForest trains the request model.
func fitForest(rows []row) *forest {
	t := &forestTrainer{rows: rows, score: make([]float32, len(rows)), grad: make([]float32, len(rows)), hess: make([]float32, len(rows))}
	t.bin()
	var a, all float64
	for _, r := range rows {
		all += float64(r.weight)
		if r.attack {
			a += float64(r.weight)
		}
	}
	f := &forest{base: float32(math.Log(a / (all - a)))}
	for i := range t.score {
		t.score[i] = f.base
	}
	for range forestTrees {
		f.trees = append(f.trees, t.grow())
	}
	return f
}

// bin cuts each feature into bins of about equal numbers of rows.
func (t *forestTrainer) bin() {
	t.cell = make([][featureCount]uint8, len(t.rows))
	values := make([]float32, len(t.rows))
	for f := range featureCount {
		for i := range t.rows {
			values[i] = t.rows[i].x[f]
		}
		slices.Sort(values)
		distinct := slices.Compact(slices.Clone(values))
		var bounds []float32
		if len(distinct) <= forestBins {
			for i := 1; i < len(distinct); i++ {
				bounds = append(bounds, (distinct[i-1]+distinct[i])/2)
			}
		} else {
			for b := 1; b < forestBins; b++ {
				if v := values[len(values)*b/forestBins]; len(bounds) == 0 || v > bounds[len(bounds)-1] {
					bounds = append(bounds, v)
				}
			}
		}
		t.bins[f] = bounds
		for i := range t.rows {
			c, found := slices.BinarySearch(bounds, t.rows[i].x[f])
			if found {
				c++
			}
			t.cell[i][f] = uint8(c)
		}
	}
}

// grow adds one tree to the scores.
func (t *forestTrainer) grow() tree {
	members := make([]int32, len(t.rows))
	for i := range t.rows {
		y := float32(0)
		if t.rows[i].attack {
			y = 1
		}
		p := sigmoid32(t.score[i])
		t.grad[i] = (y - p) * t.rows[i].weight
		t.hess[i] = max(p*(1-p), 1e-6) * t.rows[i].weight
		members[i] = int32(i)
	}
	var out tree
	g, h := t.total(members)
	out = append(out, node{leaf: true, value: leafValue(g, h, float32(math.Inf(-1)), float32(math.Inf(1)))})
	t.split(&out, 0, members, forestDepth, float32(math.Inf(-1)), float32(math.Inf(1)))
	return out
}

func (t *forestTrainer) total(members []int32) (g, h float64) {
	for _, i := range members {
		g += float64(t.grad[i])
		h += float64(t.hess[i])
	}
	return g, h
}

func leafValue(g, h float64, low, high float32) float32 {
	return max(low, min(high, float32(forestRate*g/(h+forestShrink))))
}

// cut is a way to split a node.
type cut struct {
	gain        float64
	feature     feature
	bin         int
	left, right float32
}

// split divides a node and its children. low and high bound the values of
// leaves below, so that rising features stay so.
func (t *forestTrainer) split(out *tree, at int, members []int32, depth int, low, high float32) {
	best := t.best(members, low, high)
	if depth == 0 || best.gain <= 1e-3 {
		for _, i := range members {
			t.score[i] += (*out)[at].value
		}
		return
	}
	var left, right []int32
	for _, i := range members {
		if int(t.cell[i][best.feature]) < best.bin {
			left = append(left, i)
		} else {
			right = append(right, i)
		}
	}
	n := &(*out)[at]
	n.leaf, n.feature, n.left, n.below = false, best.feature, uint16(len(*out)), t.bins[best.feature][best.bin-1]
	child := len(*out)
	*out = append(*out, node{leaf: true, value: best.left}, node{leaf: true, value: best.right})
	lowRight, highLeft := low, high
	if rising[best.feature] {
		middle := (best.left + best.right) / 2
		lowRight, highLeft = middle, middle
	}
	t.split(out, child, left, depth-1, low, highLeft)
	t.split(out, child+1, right, depth-1, lowRight, high)
}

// best finds the split with the highest gain.
func (t *forestTrainer) best(members []int32, low, high float32) cut {
	var best cut
	var g, h [featureCount][forestBins + 1]float64
	for _, i := range members {
		c := &t.cell[i]
		gi, hi := float64(t.grad[i]), float64(t.hess[i])
		for f := range featureCount {
			g[f][c[f]] += gi
			h[f][c[f]] += hi
		}
	}
	for f := range featureCount {
		gAll, hAll := 0.0, 0.0
		for b := range t.bins[f] {
			gAll += g[f][b]
			hAll += h[f][b]
		}
		gAll += g[f][len(t.bins[f])]
		hAll += h[f][len(t.bins[f])]
		gl, hl := 0.0, 0.0
		for b := 1; b <= len(t.bins[f]); b++ {
			gl += g[f][b-1]
			hl += h[f][b-1]
			gr, hr := gAll-gl, hAll-hl
			if hl < minLeaf || hr < minLeaf {
				continue
			}
			left, right := leafValue(gl, hl, low, high), leafValue(gr, hr, low, high)
			if rising[f] && left > right {
				continue
			}
			gain := gl*gl/(hl+forestShrink) + gr*gr/(hr+forestShrink) - gAll*gAll/(hAll+forestShrink)
			if gain > best.gain {
				best = cut{gain, f, b, left, right}
			}
		}
	}
	return best
}
