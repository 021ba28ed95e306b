package waf

import (
	"bytes"
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// spoolReader reads the records of a spool in order. One goroutine uses it.
type spoolReader struct {
	s       *Spool
	seq     uint64 // of the next record to return
	records [][]byte
	file    *os.File
	seg     *segment
	at      int64
}

// readFrom returns a reader of the records from a sequence number on.
func (s *Spool) readFrom(seq uint64) *spoolReader { return &spoolReader{s: s, seq: max(seq, 1)} }

// errSpoolClosed ends a reader.
var errSpoolClosed = errors.New("spool is closed")

// next returns records with consecutive sequence numbers that start with first,
// together no larger than limit unless there is only one. It waits until there
// are any. The records are valid until the next call. Records that damage has
// taken are skipped, counted and logged.
func (r *spoolReader) next(ctx context.Context, limit int64) (first uint64, records [][]byte, err error) {
	for len(r.records) == 0 {
		s := r.s
		s.mu.Lock()
		waiting, changed, closed := r.seq > s.durable, s.changed, s.closed
		s.mu.Unlock()
		if waiting {
			if closed {
				return 0, nil, errSpoolClosed
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return 0, nil, ctx.Err()
			}
			continue
		}
		if err := r.load(); err != nil {
			return 0, nil, err
		}
	}
	n, size := 0, int64(0)
	for n < len(r.records) && (n == 0 || size+int64(len(r.records[n])) <= limit) {
		size += int64(len(r.records[n]))
		n++
	}
	first, records = r.seq, r.records[:n]
	r.records = r.records[n:]
	r.seq += uint64(n)
	return first, records, nil
}

// load reads the next frame that holds seq or a later record.
func (r *spoolReader) load() error {
	for {
		if r.seg == nil {
			if found, err := r.open(); err != nil || !found {
				return err
			}
		}
		r.s.mu.Lock()
		view := *r.seg
		complete, end := view.file == nil, r.s.durable+1
		r.s.mu.Unlock()
		fr, head, off, ok := nextFrame(r.file, &view, r.at)
		if !ok {
			if !complete {
				r.lost(end)
				return nil
			}
			r.close()
			continue
		}
		r.at = off + fr.size()
		if fr.next() <= r.seq {
			continue
		}
		records, err := readBody(r.file, fr, head, off, r.s.seal)
		if err != nil {
			r.s.log.Error("read spool", slog.String("segment", filepath.Base(r.seg.path)), slog.Uint64("first", fr.first), slog.Any("error", err))
			r.lost(fr.next())
			continue
		}
		r.lost(fr.first)
		r.records = records[r.seq-fr.first:]
		return nil
	}
}

// open opens the segment that holds seq or the first after it. It reports false
// when there is none, and then skips to the end of what is durable.
func (r *spoolReader) open() (bool, error) {
	s := r.s
	s.mu.Lock()
	var seg *segment
	for _, g := range s.segments {
		if g.next > r.seq {
			seg = g
			break
		}
	}
	end := s.durable + 1
	s.mu.Unlock()
	if seg == nil {
		r.lost(end)
		return false, nil
	}
	f, err := os.Open(seg.path)
	if err != nil {
		return false, fmt.Errorf("read spool: %w", err)
	}
	r.file, r.seg, r.at = f, seg, 0
	return true, nil
}

// lost skips to a sequence number and counts what lies between.
func (r *spoolReader) lost(to uint64) {
	if to <= r.seq {
		return
	}
	r.s.mu.Lock()
	gone := uint64(0)
	if from := max(r.seq, r.s.acked+1); to > from {
		gone = to - from
	}
	r.s.damaged += gone
	r.s.mu.Unlock()
	if gone > 0 {
		r.s.log.Error("spool lost records to damage", slog.Uint64("first", r.seq), slog.Uint64("records", gone))
	}
	r.seq = to
}

func (r *spoolReader) close() {
	if r.file != nil {
		r.file.Close() // was only read
	}
	r.file, r.seg, r.at = nil, nil, 0
}

// searchBytes is how much is read at once in search of a marker.
const searchBytes = 64 << 10

// nextFrame finds the first whole frame at or behind an offset. Where none
// begins at the offset, it searches for the segment's marker.
func nextFrame(f io.ReaderAt, seg *segment, at int64) (fr frame, head []byte, off int64, ok bool) {
	head = make([]byte, frameHeader)
	for at+frameHeader <= seg.synced {
		if _, err := f.ReadAt(head, at); err != nil {
			return frame{}, nil, 0, false
		}
		fr, err := parseFrame(head, seg.marker)
		if err == nil && at+fr.size() <= seg.synced {
			return fr, head, at, true
		}
		if at = findMarker(f, seg, at+1); at < 0 {
			break
		}
	}
	return frame{}, nil, 0, false
}

// findMarker returns the offset of the next marker, -1 if there is none.
func findMarker(f io.ReaderAt, seg *segment, at int64) int64 {
	buf := make([]byte, searchBytes)
	for at < seg.synced {
		n, err := f.ReadAt(buf[:min(searchBytes, seg.synced-at)], at)
		if i := bytes.Index(buf[:n], seg.marker[:]); i >= 0 {
			return at + int64(i)
		}
		if n < len(seg.marker) || err != nil {
			return -1
		}
		at += int64(n - len(seg.marker) + 1)
	}
	return -1
}

// readBody reads and opens the body of a frame at an offset.
func readBody(f io.ReaderAt, fr frame, head []byte, off int64, seal cipher.AEAD) ([][]byte, error) {
	body := make([]byte, fr.length)
	if _, err := f.ReadAt(body, off+frameHeader); err != nil {
		return nil, err
	}
	return openBody(fr, head, body, seal)
}
