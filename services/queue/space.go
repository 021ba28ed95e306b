package queue

import (
	"errors"
	"log/slog"
	"os"
	"slices"
)

// Room says what bounds the log when it last looked.
type Room struct {
	Bytes    int64 // of the log on disk
	MaxBytes int64 // see Config.MaxBytes
	Free     int64 // bytes of the disk, and what the log has set aside there
	MinFree  int64 // see Config.MinFreeBytes
}

// left returns how many bytes may be written.
func (r Room) left() int64 { return min(r.MaxBytes-r.Bytes, r.Free-r.MinFree) }

// Err returns the error of records for which there is no room: ErrNoSpace if the
// disk is what lacks it, else ErrFull.
func (r Room) Err() error {
	if r.Free-r.MinFree < r.MaxBytes-r.Bytes {
		return ErrNoSpace
	}
	return ErrFull
}

// admit answers those of the round with ErrFull or ErrNoSpace for which there is
// no room and returns the rest with its size in bytes. Full is decided anew each
// round, so the log takes input again by itself once there is space.
func (d *Disk) admit(round []*pending) ([]*pending, int64) {
	var want int64
	for _, p := range round {
		want += p.head.size()
	}
	room := d.room()
	if room.left() < want {
		d.makeRoom(want - room.left())
		room = d.room()
	}
	d.setFull(room.left() < want, room)
	d.spare = room.left()
	var bytes int64
	kept := round[:0]
	for _, p := range round {
		if bytes+p.head.size() > d.spare {
			d.metrics.refused.WithLabelValues("full").Add(float64(p.head.count))
			d.answer(p, outcome{err: room.Err()})
			continue
		}
		bytes += p.head.size()
		kept = append(kept, p)
	}
	return kept, bytes
}

// room looks at what bounds the log now.
func (d *Disk) room() Room {
	d.mu.Lock()
	room := Room{Bytes: d.bytes, MaxBytes: d.cfg.MaxBytes, MinFree: d.cfg.MinFreeBytes}
	d.mu.Unlock()
	free, _, err := d.fs.space()
	if err != nil {
		d.log.Error("read free space", slog.Any("error", err))
		return room // refusing is safe, a full disk is not
	}
	d.metrics.freeBytes.Set(float64(free))
	if s := d.active; s != nil {
		free += max(s.reserved-s.size, 0)
	}
	room.Free = free
	return room
}

// Refusing returns the room there was when the last records were refused for want
// of it, nil if the last ones were taken. The caller must not change it.
func (d *Disk) Refusing() *Room { return d.refusing.Load() }

// setFull remembers and reports when input begins and ends to be refused, and when
// the cause changes.
func (d *Disk) setFull(full bool, room Room) {
	var now *Room
	if full {
		now = &room
	}
	before := d.refusing.Swap(now)
	switch {
	case !full && before != nil:
		d.metrics.refusing.Set(0)
		d.log.Info("take input again")
	case !full || before != nil && before.Err() == room.Err(): //nolint:errorlint // it wraps nothing of its own
	case errors.Is(room.Err(), ErrNoSpace):
		d.metrics.refusing.Set(1)
		d.log.Warn("refuse input, the disk is short of free space", slog.Int64("free_bytes", room.Free), slog.Int64("min_free_bytes", room.MinFree))
	default:
		d.metrics.refusing.Set(1)
		d.log.Warn("refuse input, the queue has its full size", slog.Int64("bytes", room.Bytes), slog.Int64("max_bytes", room.MaxBytes))
	}
}

// makeRoom cuts consumed segments that are only kept for replay, the active one
// if need be, until that many bytes are free or there are none left. Only the
// committer calls it.
func (d *Disk) makeRoom(bytes int64) {
	freed := d.cut(bytes)
	if s := d.active; freed < bytes && s != nil && s.size > 0 && d.needed() >= s.limit {
		d.retire()
		d.cut(bytes - freed)
	}
}

// needed returns the lowest offset a consumer still needs.
func (d *Disk) needed() Offset { return d.commits.state().lowest(d.cfg.Consumers) }

// cut removes consumed segments, oldest first: those beyond what is retained
// for replay, and more until at least pressure bytes are freed. It returns the
// bytes freed.
func (d *Disk) cut(pressure int64) int64 {
	d.cutting.Lock()
	defer d.cutting.Unlock()
	victims := d.victims(pressure)
	if len(victims) == 0 {
		return 0
	}
	// First on record, then gone: whatever else is missing was lost.
	if err := d.commits.cutTo(victims[len(victims)-1].limit); err != nil {
		d.log.Error("cut queue", slog.Any("error", err))
		return 0
	}
	var freed int64
	for i, s := range victims {
		if err := d.fs.remove(s.name); err != nil && !errors.Is(err, os.ErrNotExist) {
			d.log.Error("cut segment", slog.String("segment", s.name), slog.Any("error", err))
			victims = victims[:i]
			break
		}
		freed += s.onDisk
	}
	d.mu.Lock()
	d.segments = slices.Clone(d.segments[len(victims):])
	d.bytes -= freed
	d.metrics.logBytes.Set(float64(d.bytes))
	d.mu.Unlock()
	return freed
}

// victims returns the segments to cut, a prefix of the log.
func (d *Disk) victims(pressure int64) []*segment {
	lowest, now := d.needed(), d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	var consumed, freed int64
	n := 0
	for n < len(d.segments) && d.segments[n] != d.active && d.segments[n].limit <= lowest {
		consumed += d.segments[n].onDisk
		n++
	}
	for i, s := range d.segments[:n] {
		expired := consumed > d.cfg.RetainBytes || now.Sub(s.modified) > d.cfg.RetainAge
		if !expired && freed >= pressure {
			return slices.Clone(d.segments[:i])
		}
		consumed -= s.onDisk
		freed += s.onDisk
	}
	return slices.Clone(d.segments[:n])
}
