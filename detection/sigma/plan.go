package sigma

import "github.com/gatewatch/gatewatch/detection/event"

// plan is everything needed to evaluate events of one logsource: the rules that
// are for it, and for every field that they read what its values are scanned for.
// It does not change.
type plan struct {
	rules   []planRule
	steps   []step
	always  []int32 // rules that no witness wakes
	fields  []fieldScan
	slots   map[string]int32 // by field name, without keywords
	parents map[string]int32 // those whose presence a rule asks for: an object is there too
	members []memberSlot
	stamped int32   // atoms below are stamped by the scan
	lazies  []*lazy // the atoms from there on
	posts   []int32 // atoms by span of a literal
	wakes   []span  // of wakeList by stamped atom
	wakeups []int32 // rules
	present []int32 // atom by slot, or -1
	keyword bool    // some rule searches all values
}

type planRule struct {
	index int32   // in Engine.rules
	entry int32   // in steps
	items []int32 // entries of the items alone, in the order of the rule's detections
}

// fieldScan is what the values of one field are scanned for.
type fieldScan struct {
	forward  *trie // exact and prefix
	backward *trie // suffix
	grams    *grams
	ints     map[int64]span
	floats   map[float64]span
	text     bool // any of the first three
}

// newPlan builds a plan of the rules with these indexes.
func newPlan(rules []*compiled, indexes []int32) *plan {
	b := newBuilder()
	exprs, items := make([]*boolExpr, len(indexes)), make([][]*boolExpr, len(indexes))
	for i, n := range indexes {
		exprs[i], items[i] = rules[n].expr(b)
	}
	p := &plan{slots: map[string]int32{}, parents: map[string]int32{}}
	order := p.numberAtoms(b)
	p.indexFields(b, order)
	var asm assembler
	wakes := make([][]int32, p.stamped)
	for i, x := range exprs {
		set, _, ok := b.witness(x, true, b.price)
		if !ok {
			p.always = append(p.always, int32(i))
		}
		for _, a := range set {
			n := order[a]
			if k := len(wakes[n]); k == 0 || wakes[n][k-1] != int32(i) {
				wakes[n] = append(wakes[n], int32(i))
			}
		}
		renumber(x, order)
		p.rules = append(p.rules, planRule{indexes[i], asm.emit(x, accept, reject), nil})
		for _, item := range items[i] {
			renumber(item, order)
			p.rules[i].items = append(p.rules[i].items, asm.emit(item, accept, reject))
		}
	}
	p.steps = asm.steps
	for _, list := range wakes {
		from := int32(len(p.wakeups))
		p.wakeups = append(p.wakeups, list...)
		p.wakes = append(p.wakes, span{from, int32(len(p.wakeups))})
	}
	return p
}

// numberAtoms puts the stamped atoms first and returns the new number of each.
func (p *plan) numberAtoms(b *builder) []int32 {
	order := make([]int32, len(b.atoms))
	for i, a := range b.atoms {
		if a.lazy == nil {
			order[i] = p.stamped
			p.stamped++
		}
	}
	for i, a := range b.atoms {
		if a.lazy != nil {
			order[i] = p.stamped + int32(len(p.lazies))
			p.lazies = append(p.lazies, a.lazy)
		}
	}
	for _, l := range p.lazies {
		for i, g := range l.guards {
			l.guards[i] = order[g]
		}
	}
	return order
}

// renumber gives the atoms of an expression their final numbers. Parts that are
// shared are done once.
func renumber(x *boolExpr, order []int32) {
	if x.op == boolAtom {
		if !x.final {
			x.atom, x.final = order[x.atom], true
		}
		return
	}
	for _, a := range x.args {
		renumber(a, order)
	}
}

// indexFields builds the scans of all fields.
func (p *plan) indexFields(b *builder, order []int32) {
	byLiteral := map[literal][]int32{}
	var literals []literal // in order of first use, so that plans are the same every time
	p.present = make([]int32, len(b.fields))
	for i := range p.present {
		p.present[i] = -1
	}
	for i, a := range b.atoms {
		for _, l := range a.lits {
			if byLiteral[l] == nil {
				literals = append(literals, l)
			}
			byLiteral[l] = append(byLiteral[l], order[i])
		}
		if a.present > 0 {
			p.present[a.present-1] = order[i]
			if name := b.fields[a.present-1]; !event.IsMember(event.Intern(name)) {
				p.parents[name] = a.present - 1
			}
		}
	}
	scans := make([]fieldBuild, len(b.fields))
	for _, l := range literals {
		from := int32(len(p.posts))
		p.posts = append(p.posts, byLiteral[l]...)
		scans[l.slot].add(l, span{from, int32(len(p.posts))})
	}
	for slot := range scans {
		p.fields = append(p.fields, scans[slot].done())
	}
	for _, l := range p.lazies {
		p.keyword = p.keyword || l.slot == 0
	}
	p.keyword = p.keyword || p.fields[0].text
	for slot, name := range b.fields {
		if slot > 0 {
			p.slots[name] = int32(slot)
		}
	}
	for _, k := range event.MemberKeys() {
		if slot, ok := p.slots[k.String()]; ok || p.keyword && k.Is(event.EventOriginal) {
			p.members = append(p.members, memberSlot{k, slot})
		}
	}
}

// memberSlot is a member of events that rules read. Its slot is 0 if they read it
// for keywords only.
type memberSlot struct {
	key  event.Key
	slot int32
}

// fieldBuild collects the literals of one field.
type fieldBuild struct {
	forward, backward []trieEntry
	inside            []gramLiteral
	scan              fieldScan
}

func (f *fieldBuild) add(l literal, post span) {
	switch l.shape {
	case shapeNumber:
		if l.num.float {
			if f.scan.floats == nil {
				f.scan.floats = map[float64]span{}
			}
			f.scan.floats[l.num.f] = post
			return
		}
		if f.scan.ints == nil {
			f.scan.ints = map[int64]span{}
		}
		f.scan.ints[l.num.i] = post
	case shapeExact, shapePrefix:
		f.forward = append(f.forward, trieEntry{l.text, l.shape == shapeExact, post})
	case shapeSuffix:
		f.backward = append(f.backward, trieEntry{reversed(l.text), false, post})
	case shapeContains:
		f.inside = append(f.inside, gramLiteral{l.text, post})
	}
}

func (f *fieldBuild) done() fieldScan {
	s := f.scan
	s.forward, s.backward, s.grams = newTrie(f.forward), newTrie(f.backward), newGrams(f.inside)
	s.text = s.forward != nil || s.backward != nil || s.grams != nil
	return s
}

func reversed(s string) string {
	b := make([]byte, len(s))
	for i := range len(s) {
		b[len(s)-1-i] = s[i]
	}
	return string(b)
}
