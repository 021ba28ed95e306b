package verdict

import "math"

// row is one example as the request model sees it in training.
type row struct {
	x      vector
	rules  []int
	attack bool
	weight float32
}

// visible tells whether anything in a request could speak for an attack. Attacks
// of which nothing is visible, many of them mislabelled, teach a model only that
// harmless requests are none.
func (r *row) visible() bool {
	if r.x[fBlock] > 0 {
		return true
	}
	grammar := false
	for i := range langBenign {
		grammar = grammar || r.x[fLanguages+feature(i)] > 0
	}
	return r.x[fMargin] > -0.5 || r.x[fWrapper] > 0.5 || grammar && r.x[fMargin] > -2
}

// fitLinear trains the request model. Its training is convex and starts from
// nothing, so the same rows give the same weights.
func fitLinear(rows []row) *linear {
	var allowed, blocked []row
	for i := range rows {
		if rows[i].attack && !rows[i].visible() {
			continue
		}
		if rows[i].x[fBlock] > 0 {
			blocked = append(blocked, rows[i])
		} else {
			allowed = append(allowed, rows[i])
		}
	}
	return &linear{allowed: fitWeights(allowed, allowedTerms), blocked: fitWeights(blocked, blockedTerms)}
}

// allowedTerms leave out what tells sources apart rather than attacks: the fewer
// terms, the better the ranking of missed attacks of other sources.
var allowedTerms = [terms]bool{
	tContent: true, tSecond: true, tClient: true, tWindows: true, tLanguage: true, tLanguages: true,
}

var blockedTerms = [terms]bool{
	tContent: true, tSecond: true, tClient: true, tWindows: true, tDensity: true, tProse: true, tLines: true, tOpaque: true,
	tLanguage: true, tLanguages: true, tMatched: true, tUnmatched: true, tRules: true,
}

const (
	linearSteps = 400
	linearRate  = 0.15
	linearDecay = 2e-3 // L2 penalty, relative to the weight of all rows
)

// fitWeights minimises the logistic loss by AdaGrad over all rows at once.
// Weights of rising terms stay at or above nothing.
func fitWeights(rows []row, used [terms]bool) weights {
	points := make([][terms]float64, len(rows))
	total := 0.0
	for i := range rows {
		points[i] = termsOf(&rows[i].x)
		total += float64(rows[i].weight)
	}
	var w weights
	each := newRuleWeights(rows, used[tRules])
	var squares [terms + 1]float64
	for range linearSteps {
		var g [terms + 1]float64
		each.begin()
		for i := range rows {
			z := w.Base + each.sum(i)
			for k, v := range points[i] {
				z += w.Term[k] * v
			}
			d := sigmoid(z)
			if rows[i].attack {
				d--
			}
			d *= float64(rows[i].weight) / total
			for k, v := range points[i] {
				g[k] += d * v
			}
			g[terms] += d
			each.add(i, d)
		}
		each.step()
		for k := range terms {
			if !used[k] {
				continue
			}
			g[k] += linearDecay * w.Term[k]
			squares[k] += g[k] * g[k]
			w.Term[k] -= linearRate * g[k] / math.Sqrt(squares[k]+1e-12)
			if risingTerms[k] {
				w.Term[k] = math.Max(0, w.Term[k])
			}
		}
		squares[terms] += g[terms] * g[terms]
		w.Base -= linearRate * g[terms] / math.Sqrt(squares[terms]+1e-12)
	}
	w.Rule = each.result()
	return w
}
