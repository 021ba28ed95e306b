package queue

import (
	"errors"
	"log/slog"
	"os"
	"slices"
)

// admit answers those of the round with ErrFull for which there is no room and
// returns the rest with its size in bytes. Full is decided anew each round, so
// the log takes input again by itself once there is space.
func (d *Disk) admit(round []*pending) ([]*pending, int64) {
	var want int64
	for _, p := range round {
		want += p.head.size()
	}
	room := d.room()
	if room < want {
		d.makeRoom(want - room)
		room = d.room()
	}
	d.setFull(room < want, room)
	d.spare = room
	var bytes int64
	kept := round[:0]
	for _, p := range round {
		if bytes+p.head.size() > room {
			d.metrics.refused.WithLabelValues("full").Add(float64(p.head.count))
			d.answer(p, outcome{err: ErrFull})
			continue
		}
		bytes += p.head.size()
		kept = append(kept, p)
	}
	return kept, bytes
}

// room returns how many bytes may be written now.
func (d *Disk) room() int64 {
	d.mu.Lock()
	room := d.cfg.MaxBytes - d.bytes
	d.mu.Unlock()
	free, _, err := d.fs.space()
	if err != nil {
		d.log.Error("read free space", slog.Any("error", err))
		return 0 // refusing is safe, a full disk is not
	}
	d.metrics.freeBytes.Set(float64(free))
	if s := d.active; s != nil {
		free += max(s.reserved-s.size, 0)
	}
	return min(room, free-d.cfg.MinFreeBytes)
}

// Full tells whether the last records were refused for want of space.
func (d *Disk) Full() bool { return d.full.Load() }

// setFull remembers and reports when input begins and ends to be refused.
func (d *Disk) setFull(full bool, room int64) {
	if d.full.Swap(full) == full {
		return
	}
	if full {
		d.metrics.refusing.Set(1)
		d.log.Warn("refuse input for want of space", slog.Int64("room_bytes", room),
			slog.Int64("max_bytes", d.cfg.MaxBytes), slog.Int64("min_free_bytes", d.cfg.MinFreeBytes))
		return
	}
	d.metrics.refusing.Set(0)
	d.log.Info("take input again")
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
