package query

import (
	"cmp"
	"context"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// sortStage holds rows until it is closed, of a sort with a limit behind it
// only the first.
type sortStage struct {
	keys   []SortKey
	limit  int         // rows that are wanted, -1 for all
	carry  []event.Key // what the stages behind read
	budget *Budget
	next   stage

	rows   []held
	cut    bool // rows[limit-1] is a bound: what is not before it is not wanted
	seq    int
	order  []event.Value
	values []event.Value
}

// held is a row in a sort.
type held struct {
	order []event.Value // by sort key
	tuple tuple
	n     int64
	ref   uint64
	seq   int // of arrival
}

const heldSize = 160 // bytes without values

func (s *sortStage) push(row Row, n int64, ref uint64) (bool, error) {
	if s.limit == 0 {
		return false, nil
	}
	s.seq++
	s.order = s.order[:0]
	for _, k := range s.keys {
		s.values = row.AppendValues(s.values[:0], k.Field)
		s.order = append(s.order, extreme(s.values, k.Desc))
	}
	if s.cut && s.compare(s.order, s.seq, &s.rows[s.limit-1]) >= 0 {
		return true, nil
	}
	h := held{n: n, ref: ref, seq: s.seq}
	h.order = make([]event.Value, len(s.order))
	size := int64(heldSize)
	for i, v := range s.order {
		h.order[i] = keep(v)
		size += valueSize(v)
	}
	h.tuple.keys = s.carry
	h.tuple.ends = make([]int, len(s.carry))
	for i, k := range s.carry {
		s.values = row.AppendValues(s.values[:0], k)
		for _, v := range s.values {
			h.tuple.values = append(h.tuple.values, keep(v))
			size += valueSize(v)
		}
		h.tuple.ends[i] = len(h.tuple.values)
	}
	s.rows = append(s.rows, h)
	if err := s.budget.take(size); err != nil {
		return false, err
	}
	if s.limit > 0 && len(s.rows) >= 2*s.limit+1024 {
		s.truncate()
	}
	return true, nil
}

// valueSize is what a value of its own takes.
func valueSize(v event.Value) int64 { return 32 + int64(len(v.Text())) }

func (h *held) size() int64 {
	size := int64(heldSize)
	for _, v := range h.order {
		size += valueSize(v)
	}
	for _, v := range h.tuple.values {
		size += valueSize(v)
	}
	return size
}

// truncate keeps the first rows only.
func (s *sortStage) truncate() {
	s.sort()
	var freed int64
	for i := s.limit; i < len(s.rows); i++ {
		freed += s.rows[i].size()
		s.rows[i] = held{}
	}
	s.rows = s.rows[:s.limit]
	s.cut = true
	s.budget.release(freed, 0)
}

func (s *sortStage) sort() {
	slices.SortFunc(s.rows, func(a, b held) int { return s.compare(a.order, a.seq, &b) })
}

// compare orders by the keys, null last, and then by arrival.
func (s *sortStage) compare(order []event.Value, seq int, b *held) int {
	for i, k := range s.keys {
		a, b := order[i], b.order[i]
		aNull, bNull := a.Kind() == event.KindNone, b.Kind() == event.KindNone
		switch {
		case aNull && bNull:
			continue
		case aNull:
			return 1
		case bNull:
			return -1
		}
		if c := Compare(a, b); c != 0 {
			if k.Desc {
				return -c
			}
			return c
		}
	}
	return cmp.Compare(seq, b.seq)
}

func (s *sortStage) close(ctx context.Context) error {
	s.sort()
	if s.limit >= 0 && len(s.rows) > s.limit {
		s.rows = s.rows[:s.limit]
	}
	for i := range s.rows {
		if i%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		h := &s.rows[i]
		more, err := s.next.push(&h.tuple, h.n, h.ref)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	s.rows = nil
	return s.next.close(ctx)
}
