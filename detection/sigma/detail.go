package sigma

import "github.com/gatewatch/gatewatch/detection/event"

// FieldMatch is one value of an event that made an item of a rule hold.
type FieldMatch struct {
	Detection *Detection
	Item      *Item
	Pattern   int    // which of the item's values matched
	Field     string // of the event; where keywords were found
	Value     event.Value
}

// detail collects what matched: the items that hold in detections that hold, with
// the first value that did it. Items that hold for want of a value are not listed.
func (m *Matcher) detail(s *state, r *planRule) []FieldMatch {
	c := m.engine.rules[r.index]
	d := detailer{state: s, compiled: c, items: r.items, out: m.fields}
	base := len(d.out)
	for _, det := range c.rule.Detections {
		d.detection = det
		d.node(det.Node)
	}
	m.fields = d.out
	return d.out[base:len(d.out):len(d.out)]
}

type detailer struct {
	*state
	*compiled
	items     []int32 // programs of the items that are still to come
	detection *Detection
	out       []FieldMatch
}

// node adds what made a node hold and tells whether it does.
func (d *detailer) node(n *Node) bool {
	base, held := len(d.out), 0
	if n.Op == OpItem {
		entry := d.items[0]
		d.items = d.items[1:]
		if !d.run(entry) {
			return false
		}
		d.item(d.tests(n.Item))
		return true
	}
	for _, c := range n.Nodes {
		if d.node(c) {
			held++
		}
	}
	ok := held > 0 || n.Op == OpAnd
	if n.Op == OpAnd && held < len(n.Nodes) {
		ok = false
	}
	if !ok {
		d.out = d.out[:base]
	}
	return ok
}

func (d *detailer) tests(it *Item) *test { return d.ref.tests[it] }

func (d *detailer) item(t *test) {
	if t.neg {
		return
	}
	for _, alternatives := range t.values {
		if d.value(t, alternatives) && !t.all {
			return
		}
	}
}

// value adds the first value of the event that one value of an item matches.
func (d *detailer) value(t *test, alternatives []predicate) bool {
	d.pairs = 0
	if t.item.Field == "" {
		for _, f := range d.event.Fields() {
			if d.any(alternatives, f.Value) {
				d.add(t, alternatives[0].value, f.Key.String(), f.Value)
				return true
			}
		}
		if raw := event.String(event.View(d.event.Raw)); d.any(alternatives, raw) {
			d.add(t, alternatives[0].value, event.EventOriginal.String(), raw)
			return true
		}
		return false
	}
	slot, ok := d.plan.slots[t.item.Field]
	if !ok || d.values[slot].epoch != d.epoch {
		return false
	}
	for i := d.values[slot].first; i >= 0; i = d.next[i] - 1 {
		if d.any(alternatives, d.list[i]) {
			d.add(t, alternatives[0].value, t.item.Field, d.list[i])
			return true
		}
	}
	return false
}

func (d *detailer) add(t *test, pattern int, field string, v event.Value) {
	d.out = append(d.out, FieldMatch{d.detection, t.item, pattern, field, v})
}

// any tells whether a value satisfies one of some predicates.
func (d *detailer) any(alternatives []predicate, v event.Value) bool {
	folded := false
	n := 0
	for i := range alternatives {
		p := &alternatives[i]
		switch {
		case v.Kind() == event.KindNone || p.kind == predNull:
		case p.kind == predExists:
			return p.want
		case p.kind == predFieldRef:
			l := lazy{pred: p, ref: d.plan.slots[p.ref]}
			if d.testValue(&l, v) {
				return true
			}
		case p.kind == predString && !p.cased:
			if !folded {
				n, folded = d.foldValue(v), true
			}
			if p.text.match(d.fold[:n]) {
				return true
			}
		case p.kind == predString:
			if p.text.match(stringBytes(d.text(v))) {
				return true
			}
		case p.holdsFor(v):
			return true
		}
	}
	return false
}
