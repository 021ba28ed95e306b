package ingest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
)

// MaxSequence is the largest sequence number that is taken, so that it fits a
// signed integer everywhere and a sender that jumps to the end is noticed.
const MaxSequence = 1<<63 - 1

// MaxJump is how far the sequence numbers of an epoch may go ahead of the last
// one that is known: the records that a node lost, or the bytes of a record that
// was cut. Who sent a number near the end would have all records before it taken
// for known ones.
const MaxJump = 1 << 32

// positionKey names a sequence space.
type positionKey struct {
	source string
	epoch  queue.Epoch
}

// position is how far the records of a sequence space are durable.
type position struct {
	key  positionKey
	last uint64
	used uint64        // tick of its last use
	held chan struct{} // closed when the one who appends is done; nil if nobody does
}

// positions remembers sequence spaces: exactly and for as long as there are not
// more than its bound.
type positions struct {
	max int

	mu        sync.Mutex
	tick      uint64
	byKey     map[positionKey]*position
	forgotten uint64
}

func newPositions(limit int) *positions {
	return &positions{max: limit, byKey: map[positionKey]*position{}}
}

// hold waits until nobody else appends to the sequence space, or ctx ends. The
// caller alone may use the position until it calls release.
func (p *positions) hold(ctx context.Context, key positionKey) (*position, error) {
	for {
		p.mu.Lock()
		pos := p.get(key)
		wait := pos.held
		if wait == nil {
			pos.held = make(chan struct{})
		}
		p.mu.Unlock()
		if wait == nil {
			return pos, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// release ends a hold; last is how far the records are durable now.
func (p *positions) release(pos *position, last uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pos.last = last
	close(pos.held)
	pos.held = nil
	if last == 0 {
		delete(p.byKey, pos.key) // nothing to remember
	}
}

// get returns a position, and makes it and room for it. p.mu is held.
func (p *positions) get(key positionKey) *position {
	p.tick++
	pos := p.byKey[key]
	if pos == nil {
		if len(p.byKey) >= p.max {
			p.forget()
		}
		pos = &position{key: key}
		p.byKey[key] = pos
	}
	pos.used = p.tick
	return pos
}

// forget drops a tenth of the positions: the longest unused of the sources that
// have the most, so that one source can't push out the others. p.mu is held.
func (p *positions) forget() {
	bySource := map[string]int{}
	all := make([]*position, 0, len(p.byKey))
	for key, pos := range p.byKey {
		bySource[key.source]++
		if pos.held == nil {
			all = append(all, pos)
		}
	}
	slices.SortFunc(all, func(a, b *position) int {
		return cmp.Or(
			cmp.Compare(bySource[b.key.source], bySource[a.key.source]),
			cmp.Compare(a.key.source, b.key.source),
			cmp.Compare(a.used, b.used),
		)
	})
	for _, pos := range all[:min(len(all), p.max/10+1)] {
		delete(p.byKey, pos.key)
		p.forgotten++
	}
}

// last returns the last durable sequence number, 0 if none is known.
func (p *positions) last(key positionKey) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pos := p.byKey[key]; pos != nil {
		return pos.last
	}
	return 0
}

// raise sets a position that was read from the queue or a snapshot.
func (p *positions) raise(key positionKey, last uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pos := p.get(key)
	pos.last = max(pos.last, last)
}

// known returns copies of all positions with something to remember, the longest
// unused first.
func (p *positions) known() []position {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]position, 0, len(p.byKey))
	for _, pos := range p.byKey {
		if pos.last > 0 {
			all = append(all, position{key: pos.key, last: pos.last, used: pos.used})
		}
	}
	slices.SortFunc(all, func(a, b position) int { return cmp.Compare(a.used, b.used) })
	return all
}

func (p *positions) size() (n int, forgotten uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.byKey), p.forgotten
}

// Position returns the last durable sequence number of a sequence space, 0 if
// none is known.
func (s *Sink) Position(source string, epoch queue.Epoch) uint64 {
	return s.positions.last(positionKey{source, epoch})
}

// PutAt appends a group whose records have positions: their Seq in g.Epoch,
// rising. A record at or before the last durable one is a duplicate; one that
// does not rise above those before it in the group, or by more than [MaxJump]
// (but for the first of an epoch), is [ErrSequence] and not stored. Calls for
// the same sequence space are taken one after the other, so that a later record
// is never durable while an earlier one may still fail. Results and ownership
// are those of [Sink.Put].
func (s *Sink) PutAt(ctx context.Context, g queue.Group) []error {
	flight := s.flights.begin()
	defer s.flights.done(flight)
	pos, err := s.positions.hold(ctx, positionKey{g.Source, g.Epoch})
	if err != nil {
		return same(ErrBusy, len(g.Records))
	}
	durable, now := pos.last, s.now().UnixNano()
	defer func() { s.positions.release(pos, durable) }()

	all, last := g.Records, durable
	g.Records, g.Parser = make([]queue.Record, 0, len(all)), parse.Version
	for _, r := range all {
		if !follows(r.Seq, last) {
			continue
		}
		last = r.Seq
		if r.Received == 0 {
			r.Received = now
		}
		g.Records = append(g.Records, r)
	}
	if len(g.Records) > 0 {
		err = s.append(ctx, []queue.Group{g})
	}
	before := durable
	if err == nil {
		durable = last
	}
	if err == nil && len(g.Records) == len(all) {
		return nil
	}
	errs, duplicates := positionErrors(all, before, err)
	if err == nil {
		s.sources.of(g.Source).duplicates.Add(duplicates)
	}
	return errs
}

// follows tells whether a sequence number may come after last.
func follows(seq, last uint64) bool {
	return seq > last && (last == 0 || seq-last <= MaxJump)
}

// positionErrors tells for each record what became of it: err is the outcome of
// those that follow the position before.
func positionErrors(all []queue.Record, before uint64, err error) (errs []error, duplicates uint64) {
	errs, last := make([]error, len(all)), before
	for i, r := range all {
		switch {
		case r.Seq <= before:
			errs[i] = ErrDuplicate
			duplicates++
		case !follows(r.Seq, last):
			errs[i] = ErrSequence
		default:
			errs[i], last = err, r.Seq
		}
	}
	return errs, duplicates
}
