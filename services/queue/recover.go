package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
)

// load finds the segments and the offset of the next record. It reads only
// the last segment; damage in the others is found by whoever reads them.
func (d *Disk) load() error {
	infos, err := d.fs.list()
	if err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	if err := d.settle(infos); err != nil {
		return err
	}
	var problems []error
	d.commits, problems = loadCommits(d.fs)
	for _, err := range problems {
		d.log.Error("read consumer offsets", slog.Any("error", err))
	}
	d.collect(infos)
	saved := d.commits.state()
	reached := max(saved.next, saved.highest(), d.cfg.Floor, 1)
	end := Offset(1)
	if n := len(d.segments); n > 0 {
		last := d.segments[n-1]
		if end, err = d.recoverLast(last); err != nil {
			return err
		}
		last.limit = max(end, reached)
		d.trim(last)
	}
	d.next = max(end, reached)
	if len(d.segments) > 0 && d.next > end {
		// An offset that may have been acknowledged is never given out again.
		d.log.Error("records at the end of the log are missing",
			slog.Uint64("from", uint64(end)), slog.Uint64("to", uint64(d.next)))
	}
	d.dropEmpty()
	d.reportMissing()
	oldest, next := d.Bounds()
	d.log.Info("queue opened", slog.Int("segments", len(d.segments)), slog.Int64("bytes", d.bytes),
		slog.Uint64("oldest", uint64(oldest)), slog.Uint64("next", uint64(next)))
	return nil
}

// settle makes durable what is about to be read: a process that was killed
// between a write and its sync leaves records that only the page cache holds,
// and whoever reads them here promises their senders not to need them again.
// Segments but the last were synced before the next one was begun.
func (d *Disk) settle(infos []fileInfo) error {
	last := ""
	for _, info := range infos {
		if _, ok := parseSegmentName(info.name); ok {
			last = info.name // the list is in order
		}
	}
	for _, info := range infos {
		if info.name != last && !slices.Contains(commitsNames[:], info.name) {
			continue
		}
		f, err := d.fs.open(info.name, os.O_RDWR)
		if err == nil {
			err = f.sync()
			if cerr := f.Close(); err == nil {
				err = cerr
			}
		}
		if err != nil {
			return fmt.Errorf("sync %s: %w", info.name, err)
		}
	}
	if err := d.fs.syncDir(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// collect makes the list of segments from the names of files. The base of each
// ends the one before.
func (d *Disk) collect(infos []fileInfo) {
	for _, info := range infos {
		s, ok := parseSegmentName(info.name)
		if !ok {
			continue
		}
		s.size, s.onDisk, s.modified = info.size, info.size, info.modified
		for n := len(d.segments); n > 0 && d.segments[n-1].base > s.base; n-- {
			d.log.Error("ignore segment that begins after a later one", slog.String("segment", d.segments[n-1].name))
			d.bytes -= d.segments[n-1].onDisk
			d.segments = d.segments[:n-1]
		}
		if n := len(d.segments); n > 0 {
			d.segments[n-1].limit = s.base
		}
		d.segments = append(d.segments, s)
		d.bytes += s.onDisk
		d.serial = max(d.serial, s.serial)
	}
}

// recoverLast reads the whole last segment and returns the offset after its
// last record. Bytes after that are what a crash tore. They stay: the next
// segment begins at a higher offset, so readers do not take them for records.
func (d *Disk) recoverLast(s *segment) (Offset, error) {
	f, err := d.fs.open(s.name, os.O_RDONLY)
	if err != nil {
		return 0, fmt.Errorf("read last segment: %w", err)
	}
	sc := newScanner(f, d.cfg.Keys, s.marker, s.base)
	sc.size, sc.limit = s.size, math.MaxUint64
	var whole int64
	for {
		h, ok := sc.head()
		if !ok {
			break
		}
		b, err := sc.body(h)
		if err != nil {
			continue
		}
		whole = sc.off
		if !h.sealed {
			continue
		}
		if _, err = sc.unseal(b); errors.As(err, new(*keyError)) {
			_ = f.Close() // the key is what matters
			return 0, err
		}
	}
	end := max(sc.reached, s.base)
	if torn := s.size - whole; torn > 0 {
		d.metrics.torn.Add(float64(torn))
		d.log.Warn("log ends in a torn write", slog.String("segment", s.name),
			slog.Int64("torn_bytes", torn), slog.Uint64("next_offset", uint64(end)))
	}
	if sc.damage != "" {
		d.log.Error("last segment is damaged", slog.String("segment", s.name), slog.String("damage", sc.damage))
	}
	if err := f.Close(); err != nil {
		return 0, fmt.Errorf("close last segment: %w", err)
	}
	return end, nil
}

// reportMissing logs what is gone before the oldest segment and was not cut.
func (d *Disk) reportMissing() {
	oldest, _ := d.Bounds()
	if cut := d.commits.state().cut; cut != 0 && cut < oldest {
		d.log.Error("records at the start of the log are missing",
			slog.Uint64("from", uint64(cut)), slog.Uint64("to", uint64(oldest)))
	}
}

// dropEmpty removes segments without records that count: opened just before a
// failure, so that a later one has the same base, or cut by a process that did
// not live to remove them.
func (d *Disk) dropEmpty() {
	cut := d.commits.state().cut
	kept := d.segments[:0]
	for i, s := range d.segments {
		last := i == len(d.segments)-1
		if s.limit <= cut || s.limit == s.base && (!last || s.size == 0) {
			if err := d.fs.remove(s.name); err == nil {
				d.bytes -= s.onDisk
				continue
			}
		}
		kept = append(kept, s)
	}
	d.segments = kept
	d.metrics.logBytes.Set(float64(d.bytes))
}
