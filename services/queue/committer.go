package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// pending is one Append on its way through the committer.
type pending struct {
	groups  []Group
	frame   []byte // headerSize bytes to be filled in, then the body
	head    header
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

// gather takes p and what else is waiting.
func (d *Disk) gather(round []*pending, p *pending) []*pending {
	var bytes int64
	for {
		if p.state.CompareAndSwap(waiting, taken) {
			round = append(round, p)
			bytes += p.head.size()
		}
		if bytes >= roundBytes {
			return round
		}
		var open bool
		select {
		case p, open = <-d.inbox:
			if !open {
				return round
			}
		default:
			return round
		}
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
			p.outcome <- outcome{err: err}
		}
		return
	}
	d.metrics.sync.Observe(d.now().Sub(began).Seconds())
	d.publish(round, next, bytes)
	for _, p := range round {
		p.outcome <- outcome{first: p.head.first}
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
			bytes: p.head.size() + int64(p.head.count)*recordOverhead,
		})
	}
	d.metrics.logBytes.Set(float64(d.bytes))
	d.wakeLocked()
	d.mu.Unlock()
	d.metrics.rounds.Inc()
	d.metrics.records.Add(float64(records))
	d.metrics.bytes.Add(float64(bytes))
}

// activeSegment returns the segment to write the next bytes to. Only the
// committer calls it.
func (d *Disk) activeSegment(bytes int64) (*segment, error) {
	if s := d.active; s != nil && (s.size == 0 || s.size+bytes <= d.cfg.SegmentBytes) {
		return s, nil
	}
	d.retire()
	d.serial++
	s, err := createSegment(d.fs, d.serial, d.next, d.now())
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.segments = append(d.segments, s)
	d.active = s
	d.mu.Unlock()
	return s, nil
}

// retire closes the active segment, all of which is durable.
func (d *Disk) retire() {
	s := d.active
	if s == nil {
		return
	}
	d.mu.Lock()
	d.active = nil
	d.mu.Unlock()
	if err := s.f.Close(); err != nil {
		d.log.Warn("close segment", slog.String("segment", s.name), slog.Any("error", err))
	}
	s.f = nil
}

// abandon ends the active segment at its last durable byte after a failed
// write or sync that may have left n bytes behind it. What the kernel does with
// those is unknown, so nothing is tried again on this file; the next append
// opens a new segment, which by its base says that they do not count.
func (d *Disk) abandon(s *segment, n int64) {
	d.mu.Lock()
	s.onDisk = s.size + n
	d.bytes += n
	d.mu.Unlock()
	d.retire()
	d.log.Error("abandon segment after a failed write",
		slog.String("segment", s.name), slog.Int64("durable_bytes", s.size), slog.Uint64("next_offset", uint64(d.next)))
}

// wakeLocked tells readers that the log has changed. d.mu is held.
func (d *Disk) wakeLocked() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// recordOverhead is what a Record takes in memory beside its text.
const recordOverhead = 56
