package verdict

import "math"

// ruleWeights are the weights of single rules, and of families for rules that
// training has not seen, while the request model learns.
type ruleWeights struct {
	ids     []int
	rows    [][]int32 // numbers of the rules of each row
	weight  []float64
	slope   []float64
	squares []float64
}

const (
	minRuleRows = 12   // rows that must have a rule for it to get a weight
	ruleDecay   = 3e-2 // L2 penalty: stronger than that of terms, for there are many rules
)

// newRuleWeights numbers the rules of the rows; none if rules are not used.
func newRuleWeights(rows []row, used bool) *ruleWeights {
	r := &ruleWeights{rows: make([][]int32, len(rows))}
	if !used {
		return r
	}
	n := map[int]int{}
	for i := range rows {
		for _, id := range rows[i].rules {
			n[id]++
		}
	}
	number := map[int]int32{}
	for i := range rows {
		for _, id := range rows[i].rules {
			if n[id] < minRuleRows {
				continue
			}
			k, ok := number[id]
			if !ok {
				k = int32(len(r.ids))
				number[id] = k
				r.ids = append(r.ids, id)
			}
			r.rows[i] = append(r.rows[i], k)
		}
	}
	r.weight, r.slope, r.squares = make([]float64, len(r.ids)), make([]float64, len(r.ids)), make([]float64, len(r.ids))
	return r
}

// begin starts a step: slopes are sums over all rows.
func (r *ruleWeights) begin() { clear(r.slope) }

func (r *ruleWeights) sum(row int) float64 {
	sum := 0.0
	for _, k := range r.rows[row] {
		sum += r.weight[k]
	}
	return sum
}

func (r *ruleWeights) add(row int, slope float64) {
	for _, k := range r.rows[row] {
		r.slope[k] += slope
	}
}

func (r *ruleWeights) step() {
	for k := range r.weight {
		g := r.slope[k] + ruleDecay*r.weight[k]
		r.squares[k] += g * g
		r.weight[k] -= linearRate * g / math.Sqrt(r.squares[k]+1e-12)
	}
}

func (r *ruleWeights) result() map[int]float64 {
	out := make(map[int]float64, len(r.ids))
	for k, id := range r.ids {
		out[id] = r.weight[k]
	}
	return out
}
