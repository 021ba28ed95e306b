package verdict

// recent keeps the values of the keys that were used last. It holds no more than
// most of them, whatever keys come. It is used by one goroutine at a time.
type recent[K comparable, V any] struct {
	most  int
	index map[K]int32
	slots []slot[K, V]
	first int32 // used last, -1 if there is none
	last  int32 // used longest ago
}

type slot[K comparable, V any] struct {
	key        K
	value      V
	prev, next int32
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, index: map[K]int32{}, first: -1, last: -1}
}

// peek returns the value of a key, nil if there is none. It is valid until the
// next call of use.
func (r *recent[K, V]) peek(k K) *V {
	i, ok := r.index[k]
	if !ok {
		return nil
	}
	return &r.slots[i].value
}

// use returns the value of a key, which is now the one used last. One that is
// new is zero and may have taken the place of the one used longest ago. It is
// valid until the next call of use.
func (r *recent[K, V]) use(k K) *V {
	i, ok := r.index[k]
	switch {
	case ok:
		r.unlink(i)
	case len(r.slots) < r.most:
		i = int32(len(r.slots))
		r.slots = append(r.slots, slot[K, V]{key: k})
		r.index[k] = i
	default:
		i = r.last
		r.unlink(i)
		delete(r.index, r.slots[i].key)
		r.slots[i] = slot[K, V]{key: k}
		r.index[k] = i
	}
	s := &r.slots[i]
	s.prev, s.next = -1, r.first
	if r.first >= 0 {
		r.slots[r.first].prev = i
	} else {
		r.last = i
	}
	r.first = i
	return &s.value
}

func (r *recent[K, V]) unlink(i int32) {
	s := &r.slots[i]
	if s.prev >= 0 {
		r.slots[s.prev].next = s.next
	} else {
		r.first = s.next
	}
	if s.next >= 0 {
		r.slots[s.next].prev = s.prev
	} else {
		r.last = s.prev
	}
}

// kept is a key and its value as a snapshot holds them.
type kept[K comparable, V any] struct {
	Key   K
	Value V
}

// list returns all, the one used longest ago first. Values share memory with r.
func (r *recent[K, V]) list() []kept[K, V] {
	all := make([]kept[K, V], 0, len(r.slots))
	for i := r.last; i >= 0; i = r.slots[i].prev {
		all = append(all, kept[K, V]{r.slots[i].key, r.slots[i].value})
	}
	return all
}

// fill makes r hold what list has returned.
func (r *recent[K, V]) fill(all []kept[K, V]) {
	*r = *newRecent[K, V](r.most)
	for _, k := range all {
		*r.use(k.Key) = k.Value
	}
}
