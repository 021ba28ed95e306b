package store

import (
	"slices"
	"sync"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// lookahead has the parts of blocks that a scan will look at read before it looks
// at them, see [segment.Block.AheadColumns]. It goes through the blocks of the
// snapshot in their order and may be used concurrently.
type lookahead struct {
	scan   *scan
	fields []event.Key // of the filter, then of the pipes
	filter int         // fields of the filter
	exact  []event.Key // of these, those that are asked for whole values alone

	inexact []event.Key // of these, all others
	mu      sync.Mutex
	asked   int                     // blocks whose directories and filters are being read
	done    int                     // blocks that were prepared
	may     map[*segment.Block]bool // whether rows of them can match
}

// aheadBatch is how many blocks are prepared together: their parts are waited for
// about once.
const aheadBatch = 32

// prepare begins a lookahead. The blocks of the snapshot must stay in their order.
func (sc *scan) prepare(pipes []event.Key) {
	sc.ahead = &lookahead{scan: sc, fields: query.ExprFields(sc.expr), may: map[*segment.Block]bool{}}
	sc.ahead.filter = len(sc.ahead.fields)
	sc.ahead.exact = exactFields(sc.expr)
	sc.ahead.inexact = slices.DeleteFunc(slices.Clone(sc.ahead.fields), func(k event.Key) bool {
		return slices.Contains(sc.ahead.exact, k)
	})
	for _, k := range pipes {
		if !slices.Contains(sc.ahead.fields, k) {
			sc.ahead.fields = append(sc.ahead.fields, k)
		}
	}
}

// reach prepares the blocks before number n that are not yet.
func (a *lookahead) reach(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	blocks := a.scan.snap.blocks
	for n = min(n, len(blocks)); a.done < n; {
		end := min(n, a.done+aheadBatch)
		far := end
		if a.filter > 0 { // filters are small, and rule out most blocks: those of the next batch are waited for with these
			far = min(len(blocks), end+aheadBatch)
		}
		for a.asked < far {
			next := min(far, a.asked+aheadBatch)
			a.ask(blocks[a.asked:next])
			a.asked = next
		}
		a.batch(blocks[a.done:end])
		a.done = end
	}
}

// within is reach for a worker that is about to look at block i: it stays ahead of
// it by a batch.
func (a *lookahead) within(i int) {
	a.mu.Lock()
	behind := a.done <= i
	a.mu.Unlock()
	if behind {
		a.reach(i + 2*aheadBatch)
	}
}

// ask begins to read what tells whether rows of blocks can match.
func (a *lookahead) ask(blocks []blockRef) {
	query.Walk(a.scan.expr, func(m *query.Match, _ bool) { aheadTables(blocks, m) })
	fresh := false
	for _, b := range blocks {
		if a.filter == 0 || !b.Probed(a.apart(b)) {
			fresh = b.AheadDirectory() || fresh
		}
	}
	if fresh {
		query.Walk(a.scan.expr, func(m *query.Match, _ bool) { aheadFilters(blocks, m) })
	}
}

// apart returns the fields of the filter of which a block has to tell more than its
// table of filters does: all, or those that are asked for other things than a value.
func (a *lookahead) apart(b blockRef) []event.Key {
	if slices.ContainsFunc(a.exact, func(k event.Key) bool { return !b.Tabled(k) }) {
		return a.fields[:a.filter]
	}
	return a.inexact
}

// exactFields returns the fields of an expression that it asks for whole values
// alone.
func exactFields(e query.Expr) (exact []event.Key) {
	var other []event.Key
	query.Walk(e, func(m *query.Match, _ bool) {
		if _, ok := tokenOf(m.Op); ok {
			exact = append(exact, m.Fields()...)
		} else {
			other = append(other, m.Fields()...)
		}
	})
	return slices.DeleteFunc(exact, func(k event.Key) bool { return slices.Contains(other, k) })
}

// aheadTables begins to read what the tables of filters say of a value.
func aheadTables(blocks []blockRef, m *query.Match) {
	token, ok := tokenOf(m.Op)
	if !ok {
		return
	}
	for _, b := range blocks {
		for _, k := range m.Fields() {
			b.AheadTable(k, token)
		}
	}
}

// batch prepares blocks: what of each is needed depends on what was read before.
func (a *lookahead) batch(blocks []blockRef) {
	var looked []blockRef
	for _, b := range blocks {
		ok, err := mayMatch(b.Block, a.scan.expr)
		if err != nil {
			continue // it shows again where the block is looked at
		}
		a.may[b.Block] = ok
		if ok {
			b.AheadDirectory()
			looked = append(looked, b)
		}
	}
	looked = slices.DeleteFunc(looked, func(b blockRef) bool { return !a.columns(b) })
	for _, b := range looked {
		b.AheadTwins(a.fields)
	}
}

// aheadFilters begins to read what tells whether blocks may have a value.
func aheadFilters(blocks []blockRef, m *query.Match) {
	token, ok := tokenOf(m.Op)
	if !ok {
		return
	}
	for _, b := range blocks {
		for _, k := range m.Fields() {
			if b.Tabled(k) {
				continue
			}
			if z, has, err := b.Zone(k); has && err == nil && zoneMayMatch(z, m.Op) {
				b.AheadFilter(k, token)
			}
		}
	}
}

// columns begins to read the columns of a block that the cache does not have, and
// reports whether there are any. Pages of text are read where nothing else rules
// rows out.
func (a *lookahead) columns(b blockRef) bool {
	_, and := a.scan.expr.(*query.And)
	more := b.AheadColumns(a.fields, !and)
	if lo, hi := b.Bounds(); lo < a.scan.from || hi >= a.scan.to {
		b.AheadColumns(placeKeys[:1], false)
	}
	return more
}

// placeKeys are the fields that the place of an event in the answer follows from.
var placeKeys = []event.Key{event.Timestamp, event.EventID, event.GatewatchSource}

// mayMatch tells what [mayMatch] says of a block, from memory if it was prepared.
func (a *lookahead) mayMatch(b *segment.Block, e query.Expr) (bool, error) {
	if a == nil {
		return mayMatch(b, e)
	}
	a.mu.Lock()
	ok, known := a.may[b]
	a.mu.Unlock()
	if known {
		return ok, nil
	}
	return mayMatch(b, e)
}

// Rows that are about to be rebuilt: of so many the columns are being read, and
// of so many the blocks are open and the pages are being read.
const (
	aheadRows  = 24
	aheadPages = 8
)

// rowsAhead has what rows need read before they are rebuilt.
type rowsAhead struct {
	search *search
	items  []candidate // of the pass at hand
	asked  int         // candidates whose columns are being read
	open   int         // candidates whose pages are being read
	blocks map[int32]bool
}

// reach is called before candidate i is rebuilt.
func (r *rowsAhead) reach(i int) {
	p := r.search
	most := len(r.items)
	if n := p.request.PageSize; n > 0 {
		most = min(most, i+n-p.emitted+p.skip)
	}
	for ; r.asked < min(most, i+aheadRows); r.asked++ {
		at := r.items[r.asked].block
		if !r.blocks[at] && !p.has(r.items[r.asked]) {
			r.blocks[at] = true
			p.scan.snap.blocks[at].AheadColumns(p.keep, false)
		}
	}
	for ; r.open < min(most, i+aheadPages); r.open++ {
		c := r.items[r.open]
		if p.scan.bad[p.scan.snap.blocks[c.block].Block] || p.has(c) {
			continue
		}
		if rows, err := p.open(c.block); err == nil { // else it shows when the row is rebuilt
			rows.Ahead(int(c.row))
		}
	}
}
