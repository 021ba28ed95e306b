package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Search implements [Store].
func (s *Columnar) Search(ctx context.Context, r SearchRequest, yield func(*event.Event) error) (Page, error) {
	return s.search(ctx, r, "", yield)
}

// search is Search in the streams that are not reserved, or in a reserved one.
func (s *Columnar) search(ctx context.Context, r SearchRequest, reserved string, yield func(*event.Event) error) (Page, error) {
	if r.Query.IsAggregation() {
		return Page{}, errors.New("search: the query gives a table")
	}
	token, err := decodeToken(r.Query, r.PageToken)
	if err != nil {
		return Page{}, err
	}
	ctx, sc, err := s.begin(ctx, r.Query, reserved, r.From, r.To)
	if err != nil {
		return Page{}, err
	}
	p := &search{scan: sc, request: r, token: token, yield: yield, plain: isPlain(r.Query)}
	err = p.run(ctx)
	if errors.Is(context.Cause(ctx), errTimeLimit) && p.plain && p.last != nil {
		p.next = p.nextToken()
	}
	if err = sc.settle(ctx, err); err == nil && r.PageToken == "" && reserved == "" {
		sc.stats.Notes = s.notes(r.Query, sc.stats.RowsMatched)
	}
	return Page{p.next, sc.end("search")}, err
}

// isPlain tells whether a query yields every matching event in the order of
// time, so that a page can begin behind a place in that order.
func isPlain(q *query.Query) bool {
	return !slices.ContainsFunc(q.Pipes, func(p query.Pipe) bool {
		switch p.(type) {
		case *query.Where, *query.Keep:
			return false
		}
		return true
	})
}

// search is one call of Search.
type search struct {
	scan    *scan
	request SearchRequest
	token   pageToken
	yield   func(*event.Event) error
	plain   bool

	order   newest
	skip    int       // results of earlier pages
	last    *position // of the last event handed out
	emitted int
	next    string
	err     error
	event   event.Event
	keep    []event.Key
	rows    map[int32]*segment.Rows
	recent  []int32 // keys of rows, the latest last
}

func (p *search) run(ctx context.Context) error {
	p.rows = map[int32]*segment.Rows{}
	p.keep = p.request.Query.Keep()
	p.order = newest{scan: p.scan}
	if p.plain {
		p.order.after, p.last = p.token.after, p.token.after
	} else {
		p.skip = p.token.count
	}
	budget := p.scan.store.queries.Budget(p.scan.store.cfg.QueryBytes, 0)
	defer budget.Close()
	pipes := query.NewSearch(p.request.Query, budget, p.emit)
	want := p.request.PageSize + 1
	if p.request.PageSize == 0 || pipes.Sorted() {
		want = p.limit()
	}
	if pipes.Sorted() {
		want = 0
	} else {
		p.order.rows = &rowsAhead{search: p}
	}
	var row blockRow
	at := int32(-1)
	err := p.order.each(ctx, want, func(c candidate) (bool, error) {
		if c.block != at {
			at = c.block
			row.reset(p.scan.snap.blocks[at].Block)
		}
		row.row = int(c.row)
		p.scan.stats.RowsMatched++
		more, err := pipes.Add(&row, uint64(c.block)<<16|uint64(c.row))
		if row.err != nil {
			err = errors.Join(err, p.scan.damagedBlock(p.scan.snap.blocks[at], row.err))
			row.err = nil
		}
		return more && p.err == nil, err
	})
	if err == nil && p.err == nil && p.next == "" {
		err = pipes.Close(ctx)
	}
	if p.err != nil {
		return p.err
	}
	return err
}

// limit returns the first limit of the query, 0 if it has none.
func (p *search) limit() int {
	for _, pipe := range p.request.Query.Pipes {
		if l, ok := pipe.(*query.Limit); ok {
			return l.N
		}
	}
	return 0
}

// emit hands out one event of the answer. It returns false to end the search.
func (p *search) emit(ref uint64) bool {
	if p.skip > 0 {
		p.skip--
		return true
	}
	size := p.request.PageSize
	if size > 0 && p.emitted == size {
		p.next = p.nextToken()
		return false
	}
	b := p.scan.snap.blocks[ref>>16]
	if p.scan.bad[b.Block] {
		return true
	}
	err := p.load(int32(ref>>16), int(ref&0xffff))
	if err != nil {
		p.err = p.scan.damagedBlock(b, err)
		return p.err == nil
	}
	p.emitted++
	if p.plain {
		last := *p.order.after
		p.last = &last
	}
	p.scan.waiting.Store(true)
	p.err = p.yield(&p.event)
	p.scan.waiting.Store(false)
	p.scan.progress.Add(1)
	return p.err == nil
}

// nextToken makes the token of the page that begins with the row at hand.
func (p *search) nextToken() string {
	t := pageToken{count: p.token.count + p.emitted}
	if p.plain {
		t.after = p.last
	}
	return t.encode(p.request.Query)
}

// openRows is the number of blocks that events are rebuilt from at a time.
const openRows = 16

// load rebuilds a row.
func (p *search) load(block int32, row int) error {
	if p.scan.trace != nil {
		defer p.scan.trace.time(stageEvents, time.Now())
	}
	b := p.scan.snap.blocks[block]
	if p.keeps() {
		if kept := b.Row(row); kept != nil {
			p.event.Share(kept)
			return nil
		}
	}
	r, err := p.open(block)
	if err == nil {
		err = r.Event(row, &p.event)
	}
	if err == nil && p.keeps() {
		b.KeepRow(row, &p.event)
	}
	return err
}

// keptPage is how large a page of whole events may be that is kept in memory, so
// that the next page, the same one again, or that of a wider time does not need
// the columns of all their blocks.
const keptPage = 200

func (p *search) keeps() bool {
	return p.keep == nil && p.request.PageSize > 0 && p.request.PageSize <= keptPage
}

// has tells whether an event is in memory.
func (p *search) has(c candidate) bool {
	return p.keeps() && p.scan.snap.blocks[c.block].HasRow(int(c.row))
}

// open returns what rebuilds the rows of a block.
func (p *search) open(block int32) (*segment.Rows, error) {
	if r := p.rows[block]; r != nil {
		return r, nil
	}
	r, err := p.scan.snap.blocks[block].OpenRows(p.keep)
	if err != nil {
		return nil, fmt.Errorf("read block: %w", err)
	}
	if len(p.recent) == openRows {
		delete(p.rows, p.recent[0])
		p.recent = append(p.recent[:0], p.recent[1:]...)
	}
	p.rows[block], p.recent = r, append(p.recent, block)
	return r, nil
}
