package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sort"
)

// reader is one pass over the log from pos on. It belongs to one goroutine.
type reader struct {
	d     *Disk
	pos   Offset
	seg   *segment // being read, nil if none
	scan  *scanner
	limit Offset // of seg, when last looked at
}

// batchBytes is how much memory a batch takes at most before its last append,
// which may have been larger.
const batchBytes = 1 << 20

// next returns the next batch or gap and waits for one at the end of the log.
func (r *reader) next(ctx context.Context) (Batch, error) {
	for {
		b, changed, err := r.look()
		if err != nil {
			return Batch{}, err
		}
		if b.Next != 0 {
			r.pos = b.Next
			return b, nil
		}
		if changed != nil {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return Batch{}, ctx.Err()
			}
		}
		if err := ctx.Err(); err != nil {
			return Batch{}, err
		}
		b, err = r.read()
		if err != nil || b.Next != 0 {
			return b, err
		}
	}
}

// look decides under the lock where the next records come from. It returns a
// batch from memory, or a channel that closes when there is more, or an error,
// or neither if r.seg is to be read.
func (r *reader) look() (Batch, <-chan struct{}, error) {
	d := r.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return Batch{}, nil, ErrClosed
	}
	oldest := d.oldestLocked()
	if r.pos <= 1 {
		r.pos = oldest
		if cut := d.commits.state().cut; cut != 0 {
			r.pos = min(cut, oldest) // what lies between was not cut but lost
		}
	}
	if r.pos >= d.next {
		d.follow(r, r.pos)
		return Batch{}, d.changed, nil
	}
	if b, ok := d.tail.read(r.pos, batchBytes); ok {
		r.close()
		d.follow(r, b.Next)
		return b, nil, nil
	}
	d.unfollow(r)
	if r.seg == nil || r.pos >= r.seg.limit {
		r.close()
		if r.pos < oldest {
			return Batch{}, nil, r.gap(oldest, "not in the log any more")
		}
		i := sort.Search(len(d.segments), func(i int) bool { return d.segments[i].limit > r.pos })
		if s := d.segments[i]; r.pos < s.base {
			return Batch{}, nil, r.gap(s.base, "segment is missing")
		}
		r.seg = d.segments[i]
	}
	r.limit = r.seg.limit
	if r.scan != nil {
		r.scan.size, r.scan.limit = r.seg.size, r.limit
	}
	return Batch{}, nil, nil
}

// read returns the next batch or gap of the segment. It returns neither if the
// segment was cut and the reader has to look again.
func (r *reader) read() (Batch, error) {
	if r.scan == nil {
		if err := r.open(); err != nil {
			return Batch{}, err
		}
		if r.scan == nil {
			return Batch{}, nil
		}
	}
	b := builder{pos: r.pos, next: r.pos}
	for b.next < r.limit {
		h, ok := r.scan.head()
		if !ok {
			h.first = r.limit // all that is left is lost
		}
		if ok && h.next() <= b.next {
			r.scan.skip(h)
			continue
		}
		if h.first > b.next {
			if b.bytes > 0 {
				break
			}
			return Batch{}, r.gap(h.first, r.reason())
		}
		if b.bytes > 0 && b.bytes+h.size() > batchBytes {
			break
		}
		groups, err := r.scan.groups(h)
		var missing *keyError
		if errors.As(err, &missing) {
			return Batch{}, fmt.Errorf("read queue: %w", err)
		}
		if err != nil {
			continue // the gap shows at the next header
		}
		b.add(h.first, h.next(), groups, footprint(groups))
	}
	r.pos = b.next
	return b.batch(), nil
}

// open opens the segment for reading. It leaves r.scan nil if the segment was
// cut meanwhile.
func (r *reader) open() error {
	s, d := r.seg, r.d
	f, err := d.fs.open(s.name, os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		r.close()
		d.mu.Lock()
		cut := r.pos < d.oldestLocked()
		d.mu.Unlock()
		if cut {
			return nil
		}
		return r.gap(r.limit, fmt.Sprintf("segment %s is missing", s.name))
	}
	if err != nil {
		return fmt.Errorf("read queue: %w", err)
	}
	r.scan = newScanner(f, d.cfg.Keys, s.marker, s.base)
	d.mu.Lock()
	r.scan.size, r.scan.limit = s.size, r.limit
	d.mu.Unlock()
	return nil
}

// reason says why records of the segment are missing.
func (r *reader) reason() string {
	damage := r.scan.damage
	r.scan.damage = ""
	if damage == "" {
		damage = "segment ends early"
	}
	return fmt.Sprintf("%s: %s", r.seg.name, damage)
}

// gap moves the reader on to the offset to, and reports what it passed over.
func (r *reader) gap(to Offset, reason string) error {
	g := &GapError{From: r.pos, To: to, Reason: reason}
	r.pos = to
	r.d.metrics.gaps.Inc()
	r.d.metrics.lost.Add(float64(g.To - g.From))
	r.d.log.Error("records of the queue are lost", slog.Uint64("from", uint64(g.From)),
		slog.Uint64("to", uint64(g.To)), slog.String("reason", reason))
	return g
}

// end is called when the reader is not used any more.
func (r *reader) end() {
	r.close()
	r.d.mu.Lock()
	r.d.unfollow(r)
	r.d.mu.Unlock()
}

// close gives the file back.
func (r *reader) close() {
	if r.scan != nil {
		_ = r.scan.f.Close() // only read
	}
	r.seg, r.scan = nil, nil
}
