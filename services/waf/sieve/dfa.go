package sieve

import (
	"encoding/binary"
	"fmt"
	"regexp/syntax"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// dfa tells whether an expression matches anywhere in a string, in one pass and
// without backtracking. Its states are made when they are first needed. It may be
// used by any number of goroutines.
type dfa struct {
	prog  *syntax.Prog
	bytes bool // each byte is a character, not each rune
	uses  syntax.EmptyOp

	low    [256]uint16 // class of a byte that is a character
	bounds []rune      // first rune of each interval, in ascending order
	class  []uint16    // of each interval
	reps   []rune      // one rune of each class
	memory *budget
	cache  atomic.Pointer[states]
}

// maxStates bounds the states of one expression.
const maxStates = 1024

// states are those that have been made so far.
type states struct {
	mu     sync.Mutex
	byKey  map[string]*state
	first  *state
	charge charge
}

// state is a set of instructions that wait for the next character.
type state struct {
	insts []uint32
	prev  rune // stands for the character before, -1 for none
	next  []atomic.Pointer[state]
	end   atomic.Int32 // whether the end matches: 0 unknown, 1 no, 2 yes
}

// matched is the state of all that has matched.
var matched = &state{}

// newDFA compiles an expression. With bytes it must say nothing that depends on
// what a character is, which is checked.
func newDFA(expr string, bytes bool) (*dfa, error) { return newDFAWithin(expr, bytes, automata) }

// newDFAWithin is newDFA with other bounds of the memory for states.
func newDFAWithin(expr string, bytes bool, memory *budget) (*dfa, error) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if bytes && !plain(re) {
		return nil, fmt.Errorf("%q does not speak of bytes", expr)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	d := &dfa{prog: prog, bytes: bytes, memory: memory}
	d.classify()
	d.cache.Store(d.fresh())
	memory.add(d)
	return d, nil
}

// plain tells whether an expression ignores the case of nothing and names no
// character beyond a byte alone.
func plain(re *syntax.Regexp) bool {
	if re.Flags&syntax.FoldCase != 0 {
		return false
	}
	if re.Op == syntax.OpLiteral {
		for _, r := range re.Rune {
			if r > 0xff {
				return false
			}
		}
	}
	for _, sub := range re.Sub {
		if !plain(sub) {
			return false
		}
	}
	return true
}

// classify divides the characters into classes that no instruction tells apart.
func (d *dfa) classify() {
	cuts := map[rune]bool{0: true, '\n': true, '\n' + 1: true}
	cut := func(lo, hi rune) { cuts[lo], cuts[hi+1] = true, true }
	var insts []*syntax.Inst
	known := map[string]bool{}
	for i := range d.prog.Inst {
		inst := &d.prog.Inst[i]
		switch inst.Op {
		case syntax.InstEmptyWidth:
			d.uses |= syntax.EmptyOp(inst.Arg)
		case syntax.InstRune, syntax.InstRune1:
			if key := fmt.Sprint(inst.Arg, inst.Rune); known[key] {
				continue
			} else {
				known[key] = true
			}
			insts = append(insts, inst)
			if len(inst.Rune) == 1 {
				cut(inst.Rune[0], inst.Rune[0])
				for r := unicode.SimpleFold(inst.Rune[0]); r != inst.Rune[0]; r = unicode.SimpleFold(r) {
					cut(r, r)
				}
			}
			for i := 0; i+1 < len(inst.Rune); i += 2 {
				cut(inst.Rune[i], inst.Rune[i+1])
			}
		}
	}
	if d.uses&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0 {
		cut('0', '9')
		cut('A', 'Z')
		cut('_', '_')
		cut('a', 'z')
	}
	for r := range cuts {
		if r <= unicode.MaxRune {
			d.bounds = append(d.bounds, r)
		}
	}
	slices.Sort(d.bounds)
	d.group(insts)
	for b := range d.low {
		d.low[b] = d.classOf(rune(b))
	}
}

// group gives intervals that all instructions treat alike one class.
func (d *dfa) group(insts []*syntax.Inst) {
	byBehaviour := map[string]uint16{}
	for _, r := range d.bounds {
		behaviour := make([]byte, len(insts)/8+2)
		for i, inst := range insts {
			if inst.MatchRune(r) {
				behaviour[i/8] |= 1 << (i % 8)
			}
		}
		behaviour[len(behaviour)-1] = byte(d.kind(r) + 1)
		if r == '\n' {
			behaviour[len(behaviour)-1] |= 0x80
		}
		class, known := byBehaviour[string(behaviour)]
		if !known {
			class = uint16(len(d.reps))
			byBehaviour[string(behaviour)] = class
			d.reps = append(d.reps, r)
		}
		d.class = append(d.class, class)
	}
}

func (d *dfa) classOf(r rune) uint16 {
	return d.class[sort.Search(len(d.bounds), func(i int) bool { return d.bounds[i] > r })-1]
}

// kind reduces a character to what the next position has to know about it.
func (d *dfa) kind(r rune) rune {
	const word = syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary
	switch {
	case r == '\n' && d.uses&syntax.EmptyBeginLine != 0:
		return '\n'
	case d.uses&word != 0 && syntax.IsWordChar(r):
		return 'a'
	}
	return ' '
}

func (d *dfa) fresh() *states {
	c := &states{byKey: map[string]*state{}, charge: d.memory.open()}
	prev := rune(' ')
	if d.uses&(syntax.EmptyBeginText|syntax.EmptyBeginLine) != 0 {
		prev = -1
	}
	c.first = d.state(c, []uint32{uint32(d.prog.Start)}, prev)
	return c
}

// state returns the state of a set, nil if there are too many.
func (d *dfa) state(c *states, insts []uint32, prev rune) *state {
	key := binary.AppendVarint(make([]byte, 0, 4*len(insts)+2), int64(prev))
	for _, i := range insts {
		key = binary.AppendUvarint(key, uint64(i))
	}
	if s := c.byKey[string(key)]; s != nil {
		return s
	}
	if len(c.byKey) == maxStates {
		return nil
	}
	s := &state{insts: insts, prev: prev, next: make([]atomic.Pointer[state], len(d.reps))}
	c.byKey[string(key)] = s
	d.memory.take(&c.charge, stateCost+len(key)+4*cap(insts)+8*len(s.next))
	return s
}

// match reads a string. It is not known whether it matches if the states have
// run out; they begin anew then.
func (d *dfa) match(s string) (matches, known bool) {
	c := d.cache.Load()
	if d.memory.over(c.charge.era) {
		d.memory.sweep()
		c = d.cache.Load()
	}
	at := c.first
	for i := 0; i < len(s); {
		class := d.low[s[i]]
		if s[i] < utf8.RuneSelf || d.bytes {
			i++
		} else {
			r, n := utf8.DecodeRuneInString(s[i:])
			class = d.classOf(r)
			i += n
		}
		next := at.next[class].Load()
		if next == nil {
			if next = d.step(c, at, int(class)); next == nil {
				d.renew(c)
				return false, false
			}
		}
		if next == matched {
			return true, true
		}
		at = next
	}
	return d.ends(at), true
}

// renew begins the states anew, unless that has been done.
func (d *dfa) renew(old *states) {
	old.mu.Lock()
	defer old.mu.Unlock()
	if d.cache.Load() == old {
		d.memory.give(&old.charge)
		d.cache.Store(d.fresh())
	}
}

// step makes the state behind a character.
func (d *dfa) step(c *states, from *state, class int) *state {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := d.reps[class]
	closed := d.closure(from, r)
	if closed == nil {
		from.next[class].Store(matched)
		return matched
	}
	insts := []uint32{uint32(d.prog.Start)}
	for _, i := range closed {
		if d.accepts(&d.prog.Inst[i], r) {
			insts = append(insts, d.prog.Inst[i].Out)
		}
	}
	slices.Sort(insts)
	next := d.state(c, slices.Compact(insts), d.kind(r))
	if next != nil {
		from.next[class].Store(next)
	}
	return next
}

func (d *dfa) accepts(inst *syntax.Inst, r rune) bool {
	switch inst.Op {
	case syntax.InstRune, syntax.InstRune1:
		return inst.MatchRune(r)
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	}
	return false
}

// closure is what can be reached from a state without a character when r comes
// next. It is nil if that matches.
func (d *dfa) closure(from *state, r rune) []uint32 {
	holds := syntax.EmptyOpContext(from.prev, r)
	seen := make([]bool, len(d.prog.Inst))
	todo := slices.Clone(from.insts)
	reached := []uint32{}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		inst := &d.prog.Inst[i]
		switch inst.Op {
		case syntax.InstMatch:
			return nil
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, inst.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^holds == 0 {
				todo = append(todo, inst.Out)
			}
		case syntax.InstFail:
		default:
			reached = append(reached, i)
		}
	}
	return reached
}

// ends tells whether the end of the string matches in a state.
func (d *dfa) ends(at *state) bool {
	end := at.end.Load()
	if end == 0 {
		end = 1
		if d.closure(at, -1) == nil {
			end = 2
		}
		at.end.Store(end)
	}
	return end == 2
}
