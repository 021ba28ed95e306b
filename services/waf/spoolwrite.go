package waf

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
)

// frameBytes is how large a frame grows at most, unless a record is larger.
const frameBytes = 256 << 10

// cursorInterval is how often the cursor is saved at most.
const cursorInterval = time.Second

// segment is one file of the spool. Its members are guarded by the spool's mu;
// only the writer writes the file.
type segment struct {
	path   string
	marker marker
	first  uint64 // sequence number of its first record
	next   uint64 // after its last one
	size   int64
	synced int64    // bytes that readers may see
	file   *os.File // open for writing, nil if the segment is complete

	written time.Time // before this start, when its last record was
}

func (g *segment) close() error {
	if g.file == nil {
		return nil
	}
	err := g.file.Close()
	g.file = nil
	return err
}

// writeLoop is the one goroutine that writes. It ends when stop is closed,
// after what was put before has been written and synced.
func (s *Spool) writeLoop() {
	defer close(s.stopped)
	syncs := time.NewTimer(time.Hour)
	syncs.Stop()
	defer syncs.Stop()
	cursor := time.NewTicker(cursorInterval)
	defer cursor.Stop()
	due := false
	for {
		select {
		case <-s.in.wake:
			s.drain()
			if !due {
				due = true
				syncs.Reset(s.cfg.SyncInterval)
			}
		case <-syncs.C:
			due = false
			s.drain()
			s.sync()
		case <-cursor.C:
			if s.untold > 0 && s.now().Sub(s.told) >= tellInterval {
				s.tell()
				s.sync()
			}
			if err := s.keepCursor(); err != nil {
				s.log.Warn("save spool cursor", slog.Any("error", err))
			}
		case <-s.stop:
			s.drain()
			s.tell()
			s.sync()
			return
		}
	}
}

// drain writes what has been handed over.
func (s *Spool) drain() {
	in := &s.in
	in.mu.Lock()
	buf, lost := in.buf, in.refused
	in.buf, in.spare, in.count, in.refused = in.spare[:0], nil, 0, 0
	in.busy = true
	in.mu.Unlock()
	if lost > 0 {
		s.why = errSlow
	}
	for rest := buf; len(rest) > 0; {
		n, count := takeRecords(rest)
		if err := s.writeFrame(rest[:n], count); err != nil {
			lost += uint64(count)
			s.why = err
		}
		rest = rest[n:]
	}
	if lost > 0 {
		s.refuse(lost)
	}
	in.mu.Lock()
	if cap(buf) <= 1<<20 {
		in.spare = buf[:0]
	}
	in.busy = false
	in.mu.Unlock()
}

// takeRecords returns how many bytes and records make the next frame.
func takeRecords(b []byte) (n int, count uint32) {
	for n < len(b) {
		size, k := binary.Uvarint(b[n:])
		if count > 0 && n+k+int(size) > frameBytes {
			break
		}
		n += k + int(size)
		count++
	}
	return n, count
}

// refuse counts records that were not taken.
func (s *Spool) refuse(lost uint64) {
	s.mu.Lock()
	s.refused += lost
	s.dirty = true
	s.mu.Unlock()
	s.untold += lost
	if s.now().Sub(s.told) >= tellInterval {
		s.tell()
	}
}

// tellInterval is how often there is word of refused records at most.
const tellInterval = 10 * time.Second

// tell logs how many records were refused since the last time, and leaves word
// of them in the spool if there is room for that.
func (s *Spool) tell() {
	if s.untold == 0 {
		return
	}
	s.log.Error("spool refused records", slog.Uint64("records", s.untold), slog.Any("error", s.why))
	notice := s.about(s.untold)
	s.told, s.untold, s.why = s.now(), 0, nil
	framed := append(binary.AppendUvarint(nil, uint64(len(notice))), notice...)
	if err := s.writeReserved(framed, 1); err != nil {
		s.log.Warn("write notice of refused records", slog.Any("error", err))
	}
}

var (
	errFull = errors.New("spool has reached max_bytes")
	errSlow = errors.New("records came faster than the disk takes them")
)

// writeFrame appends one frame. After an error nothing of it counts.
func (s *Spool) writeFrame(body []byte, count uint32) error {
	return s.write(body, count, s.cfg.MaxBytes)
}

// reserve is the room beyond MaxBytes for notices.
const reserve = 64 << 10

func (s *Spool) writeReserved(body []byte, count uint32) error {
	return s.write(body, count, s.cfg.MaxBytes+reserve)
}

func (s *Spool) write(body []byte, count uint32, limit int64) error {
	s.mu.Lock()
	full := s.bytes+frameHeader+nonceSize+tagSize+int64(len(body)) > limit
	first := s.next
	s.mu.Unlock()
	if full {
		return errFull
	}
	seg, err := s.active(int64(len(body)))
	if err != nil {
		return err
	}
	var nonce []byte
	if s.seal != nil {
		nonce = make([]byte, nonceSize)
		rand.Read(nonce) // documented never to fail
	}
	b := buildFrame(nil, seg.marker, first, count, body, s.seal, nonce)
	if _, err := seg.file.WriteAt(b, seg.size); err != nil {
		// What was written of it lies behind the end that counts and is
		// overwritten by the next frame.
		return fmt.Errorf("write spool: %w", err)
	}
	s.mu.Lock()
	seg.size += int64(len(b))
	seg.next = first + uint64(count)
	s.next = seg.next
	s.ages.wrote(s.next-1, s.now())
	s.bytes += int64(len(b))
	s.mu.Unlock()
	return nil
}

// active returns the segment to write to, a new one if the last is full. Only
// the writer calls it.
func (s *Spool) active(bytes int64) (*segment, error) {
	limit := min(16<<20, max(s.cfg.MaxBytes/8, 32<<10))
	s.mu.Lock()
	var last *segment
	if n := len(s.segments); n > 0 {
		last = s.segments[n-1]
	}
	first := s.next
	s.mu.Unlock()
	if last != nil && last.file != nil {
		if last.size+bytes <= limit {
			return last, nil
		}
		s.sync()
		s.mu.Lock()
		err := last.close()
		s.mu.Unlock()
		if err != nil {
			s.log.Warn("close spool segment", slog.Any("error", err))
		}
	}
	seg, err := createSegment(s.cfg.Dir, first)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.segments = append(s.segments, seg)
	s.mu.Unlock()
	return seg, nil
}

func createSegment(dir string, first uint64) (*segment, error) {
	seg := &segment{first: first, next: first}
	rand.Read(seg.marker[:])
	seg.path = filepath.Join(dir, fmt.Sprintf("%016x-%016x%s", first, seg.marker, segmentSuffix))
	f, err := os.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	seg.file = f
	if err := durable.SyncDir(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("create segment: %w", err), f.Close(), os.Remove(seg.path))
	}
	return seg, nil
}

// sync makes what is written durable and shows it to readers. A segment whose
// sync failed is not written again: the kernel has forgotten which pages were
// lost. Its records are still in memory and are sent, but no longer promised to
// outlive a power cut.
func (s *Spool) sync() {
	s.mu.Lock()
	var seg *segment
	if n := len(s.segments); n > 0 {
		seg = s.segments[n-1]
	}
	s.mu.Unlock()
	open := seg != nil && seg.file != nil
	var err error
	if open && seg.synced < seg.size {
		err = s.fsync(seg.file)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.announce()
	if !open {
		return
	}
	if err != nil {
		s.log.Error("sync spool", slog.String("segment", filepath.Base(seg.path)), slog.Any("error", err))
		if err := seg.close(); err != nil {
			s.log.Warn("close spool segment", slog.Any("error", err))
		}
	}
	seg.synced = seg.size
	s.durable = s.next - 1
}

// dropAcked removes the segments whose records are all acknowledged, except the
// one that is written to. s.mu is held.
func (s *Spool) dropAcked() {
	n := 0
	for n < len(s.segments) && s.segments[n].file == nil && s.segments[n].next <= s.acked+1 {
		seg := s.segments[n]
		if err := os.Remove(seg.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("remove spool segment", slog.Any("error", err))
			break
		}
		s.bytes -= seg.size
		n++
	}
	if n > 0 {
		s.segments = slices.Delete(s.segments, 0, n)
	}
}

// keepCursor saves the cursor if it has moved. Only the writer calls it, and
// Close after the writer's end; the disk is waited for without s.mu.
func (s *Spool) keepCursor() error {
	s.mu.Lock()
	dirty, acked, refused := s.dirty, s.acked, s.refused
	s.dirty = false
	s.mu.Unlock()
	if !dirty {
		return nil
	}
	if err := s.saveCursor(acked, refused); err != nil {
		s.mu.Lock()
		s.dirty = true
		s.mu.Unlock()
		return fmt.Errorf("save cursor: %w", err)
	}
	return nil
}
