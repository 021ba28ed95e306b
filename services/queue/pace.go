package queue

import (
	"context"
	"sort"
	"time"
)

// pace keeps appends and the readers that follow them together. A reader that
// falls out of the tail has to read, unpack and decode from files what was in
// memory a moment ago, which takes more processor time than to store it; one that
// takes turns with the appends reads all from memory. So an append waits before it
// pushes records out of the tail that a follower has yet to read, but not for
// long: the log is there to take in what no reader can keep up with.
type pace struct {
	followers map[*reader]Offset // what each was handed comes before; a reader of files is none
	entering  int64              // bytes of appends that are on their way to the tail
	handed    chan struct{}      // closed when a follower takes more; nil if nobody waits
}

// An append waits for a millisecond for each paceBytes at most, and not at all if
// it is smaller: a sender is never held below 32 MiB a second.
const paceBytes = 32 << 10

// follow notes that a reader was handed all before an offset from memory. d.mu is
// held.
func (d *Disk) follow(r *reader, next Offset) {
	d.pace.followers[r] = next
	d.pace.wake()
}

// unfollow notes that a reader reads files, or no more. d.mu is held.
func (d *Disk) unfollow(r *reader) {
	delete(d.pace.followers, r)
	d.pace.wake()
}

// lose notes that the tail begins at an offset: who has yet to read what comes
// before reads files. d.mu is held.
func (p *pace) lose(first Offset) {
	for r, next := range p.followers {
		if next < first {
			delete(p.followers, r)
			p.wake()
		}
	}
}

func (p *pace) wake() {
	if p.handed != nil {
		close(p.handed)
		p.handed = nil
	}
}

// enterTail waits until followers have room in the tail for an append of so many
// bytes, until that took too long, or until ctx ends. The append has to call leave
// when it is in the tail or has failed.
func (d *Disk) enterTail(ctx context.Context, bytes int64) (leave func()) {
	var late <-chan time.Time
	d.mu.Lock()
	for bytes >= paceBytes && d.crowded(bytes) {
		if d.pace.handed == nil {
			d.pace.handed = make(chan struct{})
		}
		handed := d.pace.handed
		d.mu.Unlock()
		if late == nil {
			timer := time.NewTimer(time.Duration(bytes/paceBytes) * time.Millisecond)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-handed:
			d.mu.Lock()
			continue
		case <-late:
		case <-ctx.Done():
		}
		d.mu.Lock()
		break
	}
	d.pace.entering += bytes
	d.mu.Unlock()
	return func() {
		d.mu.Lock()
		d.pace.entering -= bytes
		d.pace.wake()
		d.mu.Unlock()
	}
}

// crowded tells whether so many bytes more would push something out of the tail
// that a follower has yet to read. d.mu is held.
func (d *Disk) crowded(bytes int64) bool {
	if d.tail.max <= 0 {
		return false
	}
	for _, next := range d.pace.followers {
		ahead := d.pace.entering + d.tail.after(next)
		if ahead > 0 && ahead+bytes > d.tail.max {
			return true
		}
	}
	return false
}

// first returns the offset that the tail begins with, that of the next record if it
// is empty.
func (t *tail) first(next Offset) Offset {
	if len(t.entries) == 0 {
		return next
	}
	return t.entries[0].first
}

// after returns the bytes of the entries from an offset on.
func (t *tail) after(pos Offset) (bytes int64) {
	i := sort.Search(len(t.entries), func(i int) bool { return t.entries[i].next > pos })
	for _, e := range t.entries[i:] {
		bytes += e.bytes
	}
	return bytes
}
