package sigma

// boolExpr is the condition of a rule over atoms, names resolved.
type boolExpr struct {
	op   boolOp
	atom int32       // boolAtom: number in the plan
	args []*boolExpr // of the others
	need int         // boolCount: how many args must hold
	cost int         // of an evaluation, for the order of args

	final bool // boolAtom: the number is that of the plan and no longer the builder's
}

type boolOp uint8

const (
	boolAtom boolOp = iota
	boolAnd
	boolOr
	boolNot
	boolCount
)

// join links expressions; one alone stays as it is.
func join(op boolOp, args []*boolExpr) *boolExpr {
	if len(args) == 1 {
		return args[0]
	}
	x := &boolExpr{op: op, args: args}
	for _, a := range args {
		x.cost += a.cost
	}
	return x
}

func negate(a *boolExpr) *boolExpr {
	return &boolExpr{op: boolNot, args: []*boolExpr{a}, cost: a.cost}
}

// step is one instruction of a program: look at an atom and go on. Targets below
// zero end it.
type step struct {
	atom    int32
	yes, no int32
}

const (
	accept int32 = -1
	reject int32 = -2
)

// assembler turns expressions into branching programs, from their ends backwards:
// every part is told where to go when it holds and when not.
type assembler struct {
	steps []step
}

// emit returns the entry of a program for x.
func (a *assembler) emit(x *boolExpr, yes, no int32) int32 {
	switch x.op {
	case boolAnd:
		for i := len(x.args) - 1; i >= 0; i-- {
			yes = a.emit(x.args[i], yes, no)
		}
		return yes
	case boolOr:
		for i := len(x.args) - 1; i >= 0; i-- {
			no = a.emit(x.args[i], yes, no)
		}
		return no
	case boolNot:
		return a.emit(x.args[0], no, yes)
	case boolCount:
		return a.emitCount(x, yes, no)
	}
	a.steps = append(a.steps, step{x.atom, yes, no})
	return int32(len(a.steps) - 1)
}

// emitCount counts by place: there is a copy of each argument for every number of
// those before it that held.
func (a *assembler) emitCount(x *boolExpr, yes, no int32) int32 {
	after := make([]int32, x.need+1) // entry behind argument i, by how many are still needed
	for need := range after {
		after[need] = no
	}
	after[0] = yes
	for i := len(x.args) - 1; i >= 0; i-- {
		now := make([]int32, x.need+1)
		now[0] = yes
		for need := 1; need <= x.need; need++ {
			if len(x.args)-i < need {
				now[need] = no
				continue
			}
			now[need] = a.emit(x.args[i], after[need-1], after[need])
		}
		after = now
	}
	return after[x.need]
}
