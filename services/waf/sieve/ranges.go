package sieve

import "slices"

// leastRun is how many rules in a row are told as a range. Coraza compares each rule
// with all ranges, and looks single ones up.
const leastRun = 3

// number puts the rules of a phase in order of their ids and finds the neighbours
// between which no rule lies that is still to be evaluated.
func (p *phase) number(phase int, rules []Rule) {
	rank := map[int]int{}
	for i, id := range p.ids {
		rank[id] = i
	}
	others := []int{}
	for _, r := range rules {
		if _, known := rank[r.ID]; !known && (r.Phase >= phase || r.Phase < 1) {
			others = append(others, r.ID)
		}
	}
	slices.Sort(others)
	p.byID = nil
	for i := range p.ids {
		p.byID = append(p.byID, i)
	}
	slices.SortFunc(p.byID, func(a, b int) int { return p.ids[a] - p.ids[b] })
	p.joined = make([]bool, len(p.byID))
	for i := 1; i < len(p.byID); i++ {
		next, _ := slices.BinarySearch(others, p.ids[p.byID[i-1]])
		p.joined[i] = next == len(others) || others[next] > p.ids[p.byID[i]]
	}
}

// tell calls drop for the rules that are no candidates.
func (w *work) tell(drop func(first, last int)) {
	p := w.phase
	begin := 0 // of a run in byID
	for i := 0; i <= len(p.byID); i++ {
		dropped := i < len(p.byID) && !w.candidates[p.byID[i]]
		if dropped && (i == begin || p.joined[i]) {
			continue
		}
		if i-begin >= leastRun {
			drop(p.ids[p.byID[begin]], p.ids[p.byID[i-1]])
		} else {
			for _, at := range p.byID[begin:i] {
				drop(p.ids[at], p.ids[at])
			}
		}
		if begin = i; !dropped {
			begin++
		}
	}
}
