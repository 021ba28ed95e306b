package verdict

import "math"

// fitRules weighs rules by how much more often attacks than legitimate requests
// have them, every source having the same say, and families for rules that
// training has not seen.
func fitRules(examples []*Example) (rules, families map[int]float32) {
	weight := sourceWeights(examples)
	type share struct{ attack, legit float64 }
	byRule, byFamily := map[int]*share{}, map[int]*share{}
	add := func(m map[int]*share, id int, attack bool, w float64) {
		s := m[id]
		if s == nil {
			s = &share{}
			m[id] = s
		}
		if attack {
			s.attack += w
		} else {
			s.legit += w
		}
	}
	for _, e := range examples {
		w := float64(weight(e))
		seen := map[int]bool{}
		for _, id := range e.Rules {
			if bookkeeping(id) {
				continue
			}
			add(byRule, id, e.Attack, w)
			if !seen[id/1000] {
				seen[id/1000] = true
				add(byFamily, id/1000, e.Attack, w)
			}
		}
	}
	weigh := func(m map[int]*share) map[int]float32 {
		const prior = 0.002
		out := make(map[int]float32, len(m))
		for id, s := range m {
			out[id] = float32(math.Log((s.attack + prior) / (s.legit + prior)))
		}
		return out
	}
	return weigh(byRule), weigh(byFamily)
}
