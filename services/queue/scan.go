package queue

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/gatewatch/gatewatch/services/vault"
)

// scanner walks the frames of one segment in order and over damage. It trusts
// nothing but the marker and the sums, reads no byte beyond size, and never
// fails: what cannot be read is missing from the offsets it returns.
type scanner struct {
	f       file
	keys    *vault.Ring // nil if there are none
	marker  marker
	off     int64  // where the next frame should begin
	size    int64  // readable bytes
	limit   Offset // frames from here on do not count
	after   Offset // of the last frame that was read or skipped; frames before it are copies
	reached Offset // highest offset after a frame whose header is whole
	damage  string // the last damage met; "" if none

	window []byte // bytes of the file from start on
	start  int64
}

const (
	windowBytes = 256 << 10
	sectorBytes = 4096
)

func newScanner(f file, keys *vault.Ring, m marker, base Offset) *scanner {
	return &scanner{f: f, keys: keys, marker: m, after: base, reached: base}
}

// head returns the next whole header and leaves off at its frame. It reports
// false at the end of the segment.
func (s *scanner) head() (header, bool) {
	for s.off < s.size {
		b := s.peek()
		if b == nil {
			continue // an unreadable sector was stepped over
		}
		h, err := parseHeader(b, s.marker)
		switch {
		case err == nil && h.first >= s.limit:
			s.off = s.size // left over from a failed write
		case err == nil && h.first >= s.after && s.off+h.size() <= s.size:
			s.reached = max(s.reached, h.next())
			return h, true
		case err == nil && h.first >= s.after:
			s.damage = fmt.Sprintf("frame at byte %d is cut off", s.off)
			s.reached = max(s.reached, h.next())
			s.resync()
		default:
			s.damage = fmt.Sprintf("%v at byte %d", errHeader, s.off)
			s.resync()
		}
	}
	return header{}, false
}

// skip steps over the frame at off.
func (s *scanner) skip(h header) {
	s.off += h.size()
	s.after = h.next()
}

// body returns the body of the frame at off in memory of its own and steps
// over the frame, also if it is damaged.
func (s *scanner) body(h header) ([]byte, error) {
	at := s.off
	s.off += h.size()
	b := make([]byte, h.length)
	n := 0
	if from := at + headerSize - s.start; from >= 0 && from <= int64(len(s.window)) {
		n = copy(b, s.window[from:])
	}
	m, err := readFull(s.f, b[n:], at+headerSize+int64(n))
	if err != nil || n+m < len(b) || crc32.Checksum(b, castagnoli) != h.bodySum {
		s.damage = fmt.Sprintf("%v at byte %d", errBody, at)
		if err != nil {
			s.damage += ": " + err.Error()
		}
		return nil, errBody
	}
	s.after = h.next()
	return b, nil
}

// groups returns the decoded body of the frame at off and steps over it. Without
// the key of a frame that is whole it returns a *keyError.
func (s *scanner) groups(h header) ([]Group, error) {
	at := s.off
	b, err := s.body(h)
	if err != nil {
		return nil, err
	}
	if h.sealed {
		b, err = s.unseal(b)
	}
	if h.packed && err == nil {
		b, err = unpack(b)
	}
	var groups []Group
	if err == nil {
		groups, err = decodeBody(b, h.count)
	}
	if err != nil {
		s.damage = fmt.Sprintf("%v at byte %d", err, at)
	}
	return groups, err
}

// resync moves off to the next marker after it, or to the end.
func (s *scanner) resync() {
	s.off++
	for s.off < s.size {
		b := s.peek()
		if b == nil {
			continue
		}
		b = s.window[s.off-s.start:]
		if i := bytes.Index(b, s.marker[:]); i >= 0 {
			s.off += int64(i)
			return
		}
		s.off += int64(max(len(b)-len(s.marker)+1, 1))
	}
	s.off = s.size
}

// peek returns the bytes at off: a whole header, or what is left of the
// segment. It returns nil after it stepped over bytes that cannot be read.
func (s *scanner) peek() []byte {
	want := min(int64(headerSize), s.size-s.off)
	if s.off < s.start || s.off+want > s.start+int64(len(s.window)) {
		if cap(s.window) == 0 {
			s.window = make([]byte, windowBytes)
		}
		s.start = s.off
		s.window = s.window[:min(int64(cap(s.window)), s.size-s.off)]
		n, err := readFull(s.f, s.window, s.off)
		s.window = s.window[:n]
		switch {
		case int64(n) >= want:
		case err != nil && n == 0:
			s.damage = fmt.Sprintf("unreadable at byte %d: %v", s.off, err)
			s.off = min((s.off/sectorBytes+1)*sectorBytes, s.size)
			return nil
		case err == nil: // the file was cut beneath us
			s.size = s.off + int64(n)
		}
	}
	b := s.window[s.off-s.start:]
	return b[:min(int64(len(b)), headerSize)]
}

// readFull reads until b is full or the file ends, which is no error.
func readFull(f io.ReaderAt, b []byte, off int64) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
