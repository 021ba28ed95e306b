package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
)

// pending is one Append on its way through the committer.
type pending struct {
	groups  []Group
	frame   []byte // headerSize bytes to be filled in, then the body
	bound   int64  // bytes of memory that are held for the frame
	kept    int64  // footprint of groups
	head    header
	pooled  bool // the frame is of the pool, and not kept by the groups
	state   atomic.Int32
	outcome chan outcome // capacity 1
}

type outcome struct {
	first Offset
	err   error
}

// A pending append is waiting until either the committer takes it or its
// caller withdraws it.
const (
	waiting = iota
	taken
	withdrawn
)

// roundBytes is how much one write and sync takes together at most, unless a
// single append is larger.
const roundBytes = 16 << 20

// commitLoop makes appends durable in rounds: whatever came in during one sync
// shares the next. It ends when the inbox is closed.
func (d *Disk) commitLoop() {
	defer close(d.stopped)
	var round []*pending
	for p := range d.inbox {
		round = d.gather(round[:0], p)
		if len(round) > 0 {
			d.commitRound(round)
		}
		clear(round)
	}
}

// answer tells a caller the outcome, and gives the memory of its frame back.
func (d *Disk) answer(p *pending, o outcome) {
	d.memory.Release(p.bound)
	p.outcome <- o
}

// gather takes p and what else is waiting or about to: whoever was answered
// after the last round may be encoding the next append, and a round of its own
// for each would cost everyone a sync. So on an empty inbox they get the
// processor first, once.
func (d *Disk) gather(round []*pending, p *pending) []*pending {
	var bytes int64
	for yielded := false; ; {
		if p.state.CompareAndSwap(waiting, taken) {
			round = append(round, p)
			bytes += p.head.size()
		} else {
			d.memory.Release(p.bound) // withdrawn, nobody waits for an answer
		}
		if bytes >= roundBytes {
			return round
		}
		var open bool
		for p = nil; p == nil; {
			select {
			case p, open = <-d.inbox:
				if !open {
					return round
				}
			default:
				if yielded {
					return round
				}
				runtime.Gosched()
				yielded = true
			}
		}
		yielded = false
	}
}

// commitRound writes and syncs what there is room for, and answers everyone.
func (d *Disk) commitRound(round []*pending) {
	round, bytes := d.admit(round)
	if len(round) == 0 {
		return
	}
	began := d.now()
	next, err := d.write(round, bytes)
	if err != nil {
		d.metrics.failures.Inc()
		d.log.Error("write queue", slog.Any("error", err))
		for _, p := range round {
			d.answer(p, outcome{err: err})
		}
		return
	}
	d.metrics.sync.Observe(d.now().Sub(began).Seconds())
	d.publish(round, next, bytes)
	for _, p := range round {
		d.answer(p, outcome{first: p.head.first})
	}
}

// write makes the round durable in the active segment and returns the offset
// after it. After an error the segment is never touched again.
func (d *Disk) write(round []*pending, bytes int64) (Offset, error) {
	s, err := d.activeSegment(bytes)
	if err != nil {
		return 0, err
	}
	next := d.next
	d.vectors = d.vectors[:0]
	for _, p := range round {
		p.head.first = next
		p.head.put(p.frame, s.marker)
		d.vectors = append(d.vectors, p.frame)
		next = p.head.next()
	}
	n, err := s.f.writev(d.vectors, s.size)
	if err == nil && n != bytes {
		err = errors.New("short write")
	}
	if err == nil {
		err = s.f.sync()
	}
	clear(d.vectors)
	if err != nil {
		d.abandon(s, n)
		return 0, fmt.Errorf("append to segment %s: %w", s.name, err)
	}
	return next, nil
}

// publish shows a durable round to readers.
func (d *Disk) publish(round []*pending, next Offset, bytes int64) {
	records := next - d.next
	d.mu.Lock()
	s := d.active
	s.size += bytes
	s.onDisk = s.size
	s.limit = next
	s.modified = d.now()
	d.next = next
	d.bytes += bytes
	for _, p := range round {
		d.tail.push(tailEntry{
			first: p.head.first, next: p.head.next(), groups: p.groups,
			bytes: p.kept,
		})
	}
	d.pace.lose(d.tail.first(next))
	d.metrics.logBytes.Set(float64(d.bytes))
	d.wakeLocked()
	d.mu.Unlock()
	d.metrics.rounds.Inc()
	d.metrics.records.Add(float64(records))
	d.metrics.bytes.Add(float64(bytes))
}

// wakeLocked tells readers that the log has changed. d.mu is held.
func (d *Disk) wakeLocked() {
	close(d.changed)
	d.changed = make(chan struct{})
}
