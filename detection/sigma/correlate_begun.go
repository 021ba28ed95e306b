package sigma

// begun says when the window of a correlation began that fed a group at time t.
type begun struct{ t, start int64 }

const (
	maxBegun   = 32                // of one group
	begunBytes = maxBegun*16 + 128 // of a group that has some, its place in the map included
)

// begin keeps for a group when the window of what fed it began, and forgets what
// fed it before a time. Where there are too many every second goes: a start may then
// be later than it was by what lies between two of them.
func (gt *groupTable) begin(g uint32, b begun, before int64) {
	list, ok := gt.begun[g]
	if !ok {
		list = make([]begun, 0, maxBegun)
		gt.account(gt.at(g), begunBytes)
	}
	kept := list[:0]
	for i, x := range list {
		if x.t >= before && (len(list) < maxBegun || i%2 == 0) {
			kept = append(kept, x)
		}
	}
	if n := len(kept); n > 0 && kept[n-1].start == b.start && kept[n-1].t <= b.t {
		kept[n-1].t = b.t
	} else {
		kept = append(kept, b)
	}
	gt.begun[g] = kept
}

// start is the time of the first event of a window of a group.
func (gt *groupTable) start(g uint32, window []entry) int64 {
	from := window[0].t
	for _, b := range gt.begun[g] {
		if b.t >= window[0].t && b.t <= window[len(window)-1].t {
			from = min(from, b.start)
		}
	}
	return from
}
