package sigma

import (
	"github.com/gatewatch/gatewatch/detection/event"
)

// Match says that a rule matched an event.
type Match struct {
	Rule  *Rule
	Index int // of the rule in [Engine.Rules]

	// Fields says what matched, if [Options] ask for it. It is valid until the
	// next call of the matcher.
	Fields []FieldMatch
}

// Matcher evaluates events, one after the other. It is not safe for concurrent use.
type Matcher struct {
	engine *Engine
	states map[*plan]*state
	fields []FieldMatch
	source []Logsource // of the event at hand
}

// NewMatcher returns a matcher. It holds no resources that must be given back.
func (e *Engine) NewMatcher() *Matcher {
	return &Matcher{engine: e, states: map[*plan]*state{}}
}

// Match appends the rules that match an event to dst, in their order in the engine,
// and returns it.
func (m *Matcher) Match(dst []Match, e *event.Event) []Match {
	m.fields = m.fields[:0]
	if len(m.engine.rules) == 0 {
		return dst
	}
	route := m.engine.options.Route
	if route == nil {
		return m.match(dst, m.engine.all, e, false)
	}
	m.source = route(m.source[:0], e)
	if len(m.source) == 0 {
		return dst
	}
	p, filter := m.engine.planFor(m.source)
	if p == nil {
		return dst
	}
	return m.match(dst, p, e, filter)
}

func (m *Matcher) match(dst []Match, p *plan, e *event.Event, filter bool) []Match {
	s := m.states[p]
	if s == nil {
		s = newState(p)
		m.states[p] = s
	}
	s.scan(e)
	base := len(dst)
	for _, i := range s.woken {
		r := &p.rules[i]
		if !s.run(r.entry) {
			continue
		}
		c := m.engine.rules[r.index]
		if filter && !c.rule.Logsource.acceptsAny(m.source) {
			continue
		}
		dst = append(dst, Match{Rule: c.rule, Index: int(r.index)})
		s.matched = append(s.matched, i)
	}
	sortMatches(dst[base:], s.matched)
	if m.engine.options.Fields {
		for k, i := range s.matched {
			dst[base+k].Fields = m.detail(s, &p.rules[i])
		}
	}
	s.event = nil
	return dst
}

// sortMatches puts matches in the order of their rules. They are few.
func sortMatches(list []Match, rules []int32) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && rules[j-1] > rules[j]; j-- {
			rules[j-1], rules[j] = rules[j], rules[j-1]
			list[j-1], list[j] = list[j], list[j-1]
		}
	}
}

// state is what a matcher knows of the event at hand under one plan. What an event
// leaves behind in the arrays is told from the next one's by its epoch.
type state struct {
	plan  *plan
	event *event.Event
	epoch uint32

	stamp   []uint32 // by atom: epoch in which it held
	failed  []uint32 // by lazy atom: epoch in which it did not
	seen    []uint32 // by slot: epoch in which the field was there
	nulls   []uint32 // by slot: epoch in which it was null
	values  []slotValues
	woke    []uint32 // by rule: epoch in which it was woken
	woken   []int32
	matched []int32

	keys []keyInfo     // by key ID
	list []event.Value // values that rules read, in order of the event
	next []int32       // by value: the next one of its slot+1

	fold  []byte // folded text of the value at hand
	num   []byte // text of a value that is no string
	other []byte // folded text of the other field of a fieldref
	pairs int    // what the fieldref at hand has spent of maxPairs
	hit   func(span)
}

// slotValues is where the values of a slot are in state.list.
type slotValues struct {
	epoch       uint32
	first, last int32
}

// keyInfo is what a plan makes of a field name.
type keyInfo struct {
	slot    int32   // +1; 0 is not known yet, -1 that no rule reads it
	parents []int32 // slots of objects that it belongs to
}

func newState(p *plan) *state {
	s := &state{
		plan:   p,
		stamp:  make([]uint32, int(p.stamped)+len(p.lazies)),
		failed: make([]uint32, len(p.lazies)),
		seen:   make([]uint32, len(p.fields)),
		nulls:  make([]uint32, len(p.fields)),
		values: make([]slotValues, len(p.fields)),
		woke:   make([]uint32, len(p.rules)),
	}
	s.hit = s.stampAll
	return s
}

// begin forgets the last event.
func (s *state) begin(e *event.Event) {
	if s.epoch++; s.epoch == 0 { // once in four billion events
		for _, a := range [][]uint32{s.stamp, s.failed, s.seen, s.nulls, s.woke} {
			clear(a)
		}
		clear(s.values)
		s.epoch = 1
	}
	s.event = e
	s.woken, s.matched = append(s.woken[:0], s.plan.always...), s.matched[:0]
	s.list, s.next = s.list[:0], s.next[:0]
}

// scan stamps the atoms that the values of an event decide and wakes rules.
func (s *state) scan(e *event.Event) {
	s.begin(e)
	fields := e.Fields()
	for i := range fields {
		info := s.info(fields[i].Key)
		for _, parent := range info.parents {
			s.there(parent)
		}
		if info.slot > 0 {
			s.value(info.slot-1, fields[i].Value)
		} else if s.plan.keyword {
			s.value(0, fields[i].Value)
		}
	}
	for _, m := range s.plan.members {
		v := memberValue(e, m.key)
		if v.Kind() != event.KindNone {
			if m.slot > 0 && s.plan.keyword && !m.key.Is(event.EventOriginal) {
				s.member(m.slot, v)
				continue
			}
			s.value(m.slot, v)
		}
	}
}

// info returns what the plan makes of a key.
func (s *state) info(k event.Key) keyInfo {
	id := k.ID()
	if id < 0 {
		return s.lookup(k.String())
	}
	if id >= len(s.keys) {
		s.keys = append(s.keys, make([]keyInfo, id+64-len(s.keys))...)
	}
	if s.keys[id].slot == 0 {
		s.keys[id] = s.lookup(k.String())
	}
	return s.keys[id]
}

func (s *state) lookup(name string) keyInfo {
	info := keyInfo{slot: -1}
	if slot, ok := s.plan.slots[name]; ok {
		info.slot = slot + 1
	}
	if len(s.plan.parents) == 0 {
		return info
	}
	for i := range len(name) {
		if name[i] == '.' {
			if slot, ok := s.plan.parents[name[:i]]; ok {
				info.parents = append(info.parents, slot)
			}
		}
	}
	return info
}

// there notes that a field is there.
func (s *state) there(slot int32) {
	if s.seen[slot] == s.epoch {
		return
	}
	s.seen[slot] = s.epoch
	if a := s.plan.present[slot]; a >= 0 {
		s.stampAtom(a)
	}
}

// value takes one value of a field, slot 0 if no rule names the field, and scans it
// for what its field and what the keywords ask for.
func (s *state) value(slot int32, v event.Value) {
	if slot > 0 {
		if !s.note(slot, v) {
			return
		}
	} else if v.Kind() == event.KindNone {
		return
	}
	f := &s.plan.fields[slot]
	keywords := &s.plan.fields[0]
	if !f.text && !keywords.text {
		return
	}
	n := s.foldValue(v)
	if slot > 0 && f.text {
		s.scanText(f, n)
	}
	if keywords.text {
		s.scanText(keywords, n)
	}
}

// member is value for a member of the event, which keywords do not search.
func (s *state) member(slot int32, v event.Value) {
	if f := &s.plan.fields[slot]; s.note(slot, v) && f.text {
		s.scanText(f, s.foldValue(v))
	}
}

// note keeps a value of a slot for tests that are made later and looks up its number.
// It reports false for a null.
func (s *state) note(slot int32, v event.Value) bool {
	s.there(slot)
	if v.Kind() == event.KindNone {
		s.nulls[slot] = s.epoch
		return false
	}
	i := int32(len(s.list))
	s.list, s.next = append(s.list, v), append(s.next, 0)
	if sv := &s.values[slot]; sv.epoch == s.epoch {
		s.next[sv.last] = i + 1
		sv.last = i
	} else {
		*sv = slotValues{s.epoch, i, i}
	}
	if f := &s.plan.fields[slot]; f.ints != nil || f.floats != nil {
		if n, ok := numberOf(v); ok && n.float {
			s.stampAll(f.floats[n.f])
		} else if ok {
			s.stampAll(f.ints[n.i])
		}
	}
	return true
}

// foldValue folds the text of a value into s.fold and returns its length.
func (s *state) foldValue(v event.Value) (n int) {
	if v.Kind() == event.KindString {
		s.fold, n = foldText(s.fold, v.Text())
		return n
	}
	s.num = v.AppendText(s.num[:0])
	s.fold, n = foldText(s.fold, bytesView(s.num))
	return n
}

func (s *state) scanText(f *fieldScan, n int) {
	text := s.fold[:n+padding]
	if f.forward != nil {
		f.forward.forward(text[:n], s.hit)
	}
	if f.backward != nil {
		f.backward.backward(text[:n], s.hit)
	}
	if f.grams != nil {
		f.grams.scan(text, n, s.hit)
	}
}

// stampAll stamps the atoms of a literal that was found.
func (s *state) stampAll(p span) {
	for _, a := range s.plan.posts[p.from:p.to] {
		s.stampAtom(a)
	}
}

func (s *state) stampAtom(a int32) {
	if s.stamp[a] == s.epoch {
		return
	}
	s.stamp[a] = s.epoch
	w := s.plan.wakes[a]
	for _, r := range s.plan.wakeups[w.from:w.to] {
		if s.woke[r] != s.epoch {
			s.woke[r] = s.epoch
			s.woken = append(s.woken, r)
		}
	}
}

// run follows a program and tells whether it accepts.
func (s *state) run(at int32) bool {
	for at >= 0 {
		x := &s.plan.steps[at]
		if s.stamp[x.atom] == s.epoch || x.atom >= s.plan.stamped && s.lazy(x.atom) {
			at = x.yes
		} else {
			at = x.no
		}
	}
	return at == accept
}
