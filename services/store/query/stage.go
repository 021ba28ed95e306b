package query

import (
	"context"
	"encoding/binary"

	"github.com/gatewatch/gatewatch/detection/event"
)

// stage is one step of the pipes at work. Rows are pushed from the front; a
// stage that holds rows back passes them on when it is closed.
type stage interface {
	// push takes a row, n times, with the caller's reference to it. The row is
	// valid during the call only. It returns false when no further row can
	// change the answer.
	push(row Row, n int64, ref uint64) (more bool, err error)
	// close passes on what is held and closes what is behind.
	close(ctx context.Context) error
}

// tuple is a row of values of its own.
type tuple struct {
	keys   []event.Key
	values []event.Value
	ends   []int // of the values of each key; nil where each has one
}

// AppendValues implements [Row].
func (t *tuple) AppendValues(dst []event.Value, k event.Key) []event.Value {
	for i, key := range t.keys {
		if !key.Is(k) {
			continue
		}
		if t.ends != nil {
			start := 0
			if i > 0 {
				start = t.ends[i-1]
			}
			return append(dst, t.values[start:t.ends[i]]...)
		}
		if v := t.values[i]; v.Kind() != event.KindNone {
			dst = append(dst, v)
		}
		return dst
	}
	return dst
}

type whereStage struct {
	matcher *Matcher
	next    stage
}

func (s *whereStage) push(row Row, n int64, ref uint64) (bool, error) {
	if !s.matcher.Match(row) {
		return true, nil
	}
	return s.next.push(row, n, ref)
}

func (s *whereStage) close(ctx context.Context) error { return s.next.close(ctx) }

type limitStage struct {
	left int
	next stage
}

func (s *limitStage) push(row Row, n int64, ref uint64) (bool, error) {
	if s.left == 0 {
		return false, nil
	}
	s.left--
	more, err := s.next.push(row, n, ref)
	return more && s.left > 0, err
}

func (s *limitStage) close(ctx context.Context) error { return s.next.close(ctx) }

// dedupStage passes on the first rows, at most n, of each combination of values.
type dedupStage struct {
	fields []event.Key
	n      int
	seen   map[string]int
	budget *Budget
	next   stage
	id     []byte
	values []event.Value
}

func newDedup(fields []event.Key, n int, b *Budget, next stage) *dedupStage {
	return &dedupStage{fields: fields, n: n, seen: map[string]int{}, budget: b, next: next}
}

func (s *dedupStage) push(row Row, n int64, ref uint64) (bool, error) {
	s.id = s.id[:0]
	for _, k := range s.fields {
		s.values = row.AppendValues(s.values[:0], k)
		s.id = binary.AppendUvarint(s.id, uint64(len(s.values)))
		for _, v := range s.values {
			s.id = appendIdentity(s.id, v)
		}
	}
	count, ok := s.seen[string(s.id)]
	if count >= s.n {
		return true, nil
	}
	if !ok {
		if err := s.budget.take(int64(len(s.id)) + 64); err != nil {
			return false, err
		}
	}
	s.seen[string(s.id)] = count + 1
	return s.next.push(row, n, ref)
}

func (s *dedupStage) close(ctx context.Context) error { return s.next.close(ctx) }
