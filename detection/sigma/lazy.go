package sigma

import (
	"bytes"

	"github.com/gatewatch/gatewatch/detection/event"
)

// lazy makes a test that no stamp answers, once an event.
func (s *state) lazy(a int32) bool {
	i := a - s.plan.stamped
	if s.failed[i] == s.epoch {
		return false
	}
	if s.test(s.plan.lazies[i]) {
		s.stamp[a] = s.epoch
		return true
	}
	s.failed[i] = s.epoch
	return false
}

func (s *state) test(l *lazy) bool {
	for _, g := range l.guards {
		if s.stamp[g] != s.epoch {
			return false
		}
	}
	switch l.pred.kind {
	case predExists:
		return (s.seen[l.slot] == s.epoch) == l.pred.want
	case predNull:
		return s.seen[l.slot] != s.epoch || s.nulls[l.slot] == s.epoch
	}
	if l.slot == 0 {
		return s.testAll(l)
	}
	sv := &s.values[l.slot]
	if sv.epoch != s.epoch {
		return false
	}
	s.pairs = 0
	for i := sv.first; i >= 0; i = s.next[i] - 1 {
		if s.testValue(l, s.list[i]) {
			return true
		}
	}
	return false
}

// testAll tests all values that keywords search.
func (s *state) testAll(l *lazy) bool {
	for _, f := range s.event.Fields() {
		if f.Value.Kind() != event.KindNone && s.testValue(l, f.Value) {
			return true
		}
	}
	return len(s.event.Raw) > 0 && s.testValue(l, event.String(event.View(s.event.Raw)))
}

func (s *state) testValue(l *lazy, v event.Value) bool {
	p := l.pred
	switch p.kind {
	case predString:
		if p.cased {
			return l.text.match(stringBytes(s.text(v)))
		}
		return l.text.match(s.fold[:s.foldValue(v)])
	case predRegex:
		text := s.text(v)
		return p.need.met(text) && p.re.MatchString(text)
	case predFieldRef:
		sv := &s.values[l.ref]
		if sv.epoch != s.epoch {
			return false
		}
		for i := sv.first; i >= 0 && s.pairs < maxPairs; i = s.next[i] - 1 {
			if s.pairs += pairCost(v, s.list[i]); s.testRef(p, v, s.list[i]) {
				return true
			}
		}
		return false
	}
	return p.holdsFor(v)
}

// testRef is predicate.refHolds for two values that are not null, without allocating.
func (s *state) testRef(p *predicate, v, o event.Value) bool {
	if p.how == shapeExact && v.Kind() != event.KindString && o.Kind() != event.KindString {
		return p.refHolds(v, o)
	}
	var text, other []byte
	if p.cased {
		s.fold = v.AppendText(s.fold[:0])
		s.other = o.AppendText(s.other[:0])
		text, other = s.fold, s.other
	} else {
		n := s.foldValue(v)
		text = s.fold[:n]
		s.num = o.AppendText(s.num[:0])
		s.other, n = foldText(s.other, bytesView(s.num))
		other = s.other[:n]
	}
	switch p.how {
	case shapePrefix:
		return bytes.HasPrefix(text, other)
	case shapeSuffix:
		return bytes.HasSuffix(text, other)
	case shapeContains:
		return bytes.Contains(text, other)
	}
	return bytes.Equal(text, other)
}

// text returns the text of a value, valid until the next call.
func (s *state) text(v event.Value) string {
	if v.Kind() == event.KindString {
		return v.Text()
	}
	s.num = v.AppendText(s.num[:0])
	return bytesView(s.num)
}
