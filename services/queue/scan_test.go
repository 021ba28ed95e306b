package queue

import (
	"bytes"
	"hash/crc32"
	"syscall"
	"testing"
)

// TestScannerLimit checks that a frame from a failed write, which a later
// segment took the offsets of, is not used to find the end of a gap.
func TestScannerLimit(t *testing.T) {
	m := marker{1, 2, 3, 4, 5, 6, 7, 8}
	b, _ := sampleSegment(m)
	frame := len(b) / 10
	b[3*frame] ^= 1 // the last frame that counts
	b[4*frame] ^= 1 // the first that does not
	sc := newScanner(memoryFile{bytes.NewReader(b)}, nil, m, 1)
	sc.size, sc.limit = int64(len(b)), 13
	end := Offset(1)
	for {
		h, ok := sc.head()
		if !ok {
			break
		}
		sc.skip(h)
		end = h.next()
	}
	if end != 10 {
		t.Errorf("frames end at %d, want 10", end)
	}
}

// badSectors is a file of which the bytes from one to another cannot be read.
type badSectors struct {
	memoryFile
	from, to int64
}

func (f badSectors) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) <= f.from || off >= f.to {
		return f.memoryFile.ReadAt(b, off)
	}
	if off >= f.from {
		return 0, syscall.EIO
	}
	n, err := f.memoryFile.ReadAt(b[:f.from-off], off)
	if err == nil {
		err = syscall.EIO
	}
	return n, err
}

// TestUnreadableSectors checks that sectors which the disk cannot read cost
// only the frames that lie in them.
func TestUnreadableSectors(t *testing.T) {
	m := marker{1, 2, 3, 4, 5, 6, 7, 8}
	body := appendBody(nil, []Group{{Records: []Record{{Raw: make([]byte, 1000)}}}})
	var b []byte
	const frames = 100
	for first := Offset(1); first <= frames; first++ {
		head := make([]byte, headerSize)
		h := header{length: uint32(len(body)), first: first, count: 1, bodySum: crc32.Checksum(body, castagnoli)}
		h.put(head, m)
		b = append(append(b, head...), body...)
	}
	size := int64(len(b) / frames)
	f := func(from, to int64) {
		t.Helper()
		sc := newScanner(badSectors{memoryFile{bytes.NewReader(b)}, from, to}, nil, m, 1)
		sc.size, sc.limit = int64(len(b)), frames+1
		found := int64(0)
		for {
			h, ok := sc.head()
			if !ok {
				break
			}
			if _, err := sc.groups(h); err == nil {
				found++
			}
		}
		if touched := (to-1)/size - from/size + 1; found != frames-touched {
			t.Errorf("sectors %d to %d: %d frames found, want %d", from, to, found, frames-touched)
		}
	}
	f(0, sectorBytes)
	f(5*sectorBytes, 6*sectorBytes)
	f(7*sectorBytes, 12*sectorBytes)
	f(int64(len(b))/sectorBytes*sectorBytes, int64(len(b)))
}
