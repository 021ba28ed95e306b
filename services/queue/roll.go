package queue

import (
	"log/slog"
	"os"
	"slices"
)

// The functions of this file change which segment is active. Only the committer
// calls them, and Close after it has ended.

// activeSegment returns the segment to write the next bytes to.
func (d *Disk) activeSegment(bytes int64) (*segment, error) {
	if s := d.active; s != nil && (s.size == 0 || s.size+bytes <= d.cfg.SegmentBytes) {
		d.reserve(s, bytes)
		return s, nil
	}
	d.retire()
	if err := d.renewSealer(); err != nil {
		d.log.Warn("renew key of queue", slog.Any("error", err)) // the old one will do
	}
	s, err := d.begin()
	if err != nil {
		return nil, err
	}
	d.reserve(s, bytes)
	return s, nil
}

// begin makes a new segment the active one. Its durable name says where the one
// before it ends.
func (d *Disk) begin() (*segment, error) {
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

// reserveBytes is how far ahead of the written bytes blocks are allocated:
// with that, a sync has much less to do.
const reserveBytes = 16 << 20

// reserve allocates the blocks of the next bytes and some more, if there is
// room for both.
func (d *Disk) reserve(s *segment, bytes int64) {
	need := s.size + bytes
	if need <= s.reserved {
		return
	}
	to := max(need, min(need+reserveBytes, d.cfg.SegmentBytes))
	if to-s.size > d.spare {
		return
	}
	if err := s.f.reserve(to); err != nil {
		d.log.Debug("reserve blocks", slog.String("segment", s.name), slog.Any("error", err))
		return // the write finds its own blocks, or says why not
	}
	s.reserved = to
}

// retire closes the active segment, all of which is durable up to its size.
func (d *Disk) retire() {
	s := d.active
	if s == nil {
		return
	}
	d.mu.Lock()
	d.active = nil
	d.mu.Unlock()
	if s.reserved > s.size {
		if err := s.f.reserve(0); err != nil {
			d.log.Warn("give back reserved blocks", slog.String("segment", s.name), slog.Any("error", err))
		}
	}
	if err := s.f.Close(); err != nil {
		d.log.Warn("close segment", slog.String("segment", s.name), slog.Any("error", err))
	}
	s.f = nil
}

// abandon ends the active segment at its last durable byte after a failed
// write or sync that may have left n bytes behind it. What the kernel does with
// those is unknown, so nothing is written to this file again. A new segment is
// begun at once, which by its base says that they do not count: after a failed
// sync the page cache may show them as clean, and a restart that read them would
// take them for durable. If that fails too the next append tries again. A segment
// without any durable record goes, so that a disk that keeps failing does not
// fill up with them.
func (d *Disk) abandon(s *segment, n int64) {
	d.log.Error("abandon segment after a failed write",
		slog.String("segment", s.name), slog.Int64("durable_bytes", s.size), slog.Uint64("next_offset", uint64(d.next)))
	d.cutting.Lock() // a cut must not see the segment come and go
	defer d.cutting.Unlock()
	d.retire()
	if s.size == 0 {
		if err := d.fs.remove(s.name); err == nil {
			d.mu.Lock()
			d.segments = slices.Clone(d.segments[:len(d.segments)-1])
			d.mu.Unlock()
			return
		}
	}
	d.mu.Lock()
	s.onDisk = s.size + n
	d.bytes += n
	d.mu.Unlock()
	if _, err := d.begin(); err != nil {
		d.log.Error("begin segment after an abandoned one", slog.Any("error", err))
	}
}

// trim gives back the blocks that a crash left reserved.
func (d *Disk) trim(s *segment) {
	f, err := d.fs.open(s.name, os.O_RDWR)
	if err == nil {
		err = f.reserve(0)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		d.log.Warn("give back reserved blocks", slog.String("segment", s.name), slog.Any("error", err))
	}
}
