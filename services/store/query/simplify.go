package query

// simplify returns an equal expression without constants inside of others,
// double negations, nested expressions of one kind and repeated operands.
func simplify(e Expr) Expr {
	switch e := e.(type) {
	case *Not:
		switch x := simplify(e.Expr).(type) {
		case Const:
			return !x
		case *Not:
			return x.Expr
		default:
			return &Not{x}
		}
	case *And:
		list, constant := flatten(e.Exprs, All, func(x Expr) []Expr {
			if and, ok := x.(*And); ok {
				return and.Exprs
			}
			return nil
		})
		if constant || len(list) < 2 {
			return single(list, constant, All)
		}
		return &And{list}
	case *Or:
		list, constant := flatten(e.Exprs, None, func(x Expr) []Expr {
			if or, ok := x.(*Or); ok {
				return or.Exprs
			}
			return nil
		})
		if constant || len(list) < 2 {
			return single(list, constant, None)
		}
		return &Or{list}
	}
	return e
}

// single is an expression of at most one operand, or whose value an operand
// fixes.
func single(list []Expr, constant bool, neutral Const) Expr {
	switch {
	case constant:
		return !neutral
	case len(list) == 0:
		return neutral
	}
	return list[0]
}

// flatten simplifies operands, opens those of the same kind, and drops neutral
// and repeated ones. It reports true where an operand is the opposite of neutral.
func flatten(exprs []Expr, neutral Const, open func(Expr) []Expr) ([]Expr, bool) {
	var list []Expr
	seen := map[string]bool{}
	add := func(x Expr) {
		if s := x.String(); !seen[s] {
			seen[s] = true
			list = append(list, x)
		}
	}
	for _, x := range exprs {
		x = simplify(x)
		if c, ok := x.(Const); ok {
			if c != neutral {
				return nil, true
			}
			continue
		}
		inner := open(x)
		if inner == nil {
			add(x)
		}
		for _, y := range inner {
			add(y)
		}
	}
	return list, false
}
