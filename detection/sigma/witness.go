package sigma

// witness returns atoms of which at least one is stamped by the scan in every event
// for which x is want, and what looking at them costs; ok is false where there are
// none, and the rule must always be evaluated.
func (b *builder) witness(x *boolExpr, want bool, price func(int32) float64) (set []int32, cost float64, ok bool) {
	op := x.op
	if !want {
		switch op {
		case boolAnd:
			op = boolOr
		case boolOr:
			op = boolAnd
		case boolCount:
			return nil, 0, false
		}
	}
	switch op {
	case boolNot:
		return b.witness(x.args[0], !want, price)
	case boolAnd: // any one of them will do
		for _, a := range x.args {
			if s, c, found := b.witness(a, want, price); found && (!ok || c < cost) {
				set, cost, ok = s, c, true
			}
		}
		return set, cost, ok
	case boolOr, boolCount: // all of them are needed
		for _, a := range x.args {
			s, c, found := b.witness(a, want, price)
			if !found {
				return nil, 0, false
			}
			set, cost = append(set, s...), cost+c
		}
		return set, cost, len(set) > 0
	}
	return b.atomWitness(x.atom, want, price)
}

func (b *builder) atomWitness(n int32, want bool, price func(int32) float64) ([]int32, float64, bool) {
	a := &b.atoms[n]
	if a.lazy == nil {
		return []int32{n}, price(n), want
	}
	l := a.lazy
	if want {
		if l.witness == nil {
			return nil, 0, false
		}
		return b.witness(l.witness, true, price)
	}
	// What is not null, and what does not fail to exist, is there.
	if l.pred.kind == predNull || l.pred.kind == predExists && !l.pred.want {
		if present, ok := b.index[presentKey(l.slot)]; ok {
			return []int32{present}, price(present), true
		}
	}
	return nil, 0, false
}

// price guesses how often an atom is stamped, in events of a thousand.
func (b *builder) price(n int32) float64 {
	a := &b.atoms[n]
	if a.present > 0 {
		return 300
	}
	sum := 0.0
	for _, l := range a.lits {
		sum += literalPrice(l)
	}
	return sum
}

func literalPrice(l literal) float64 {
	size := float64(len(l.text))
	var p float64
	switch l.shape {
	case shapeNumber:
		p = 20
	case shapeExact:
		p = 2
		if size < 6 {
			p = 20 // ports, methods, codes
		}
	case shapePrefix:
		p = 400 / (1 + size*size)
	case shapeSuffix:
		p = 200 / (1 + size*size/2)
	default:
		p = 2000 / (1 + size*size)
	}
	if l.slot == 0 {
		p *= 4
	}
	return p
}
