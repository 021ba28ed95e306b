package vault

import (
	"bytes"
	"testing"
)

// foreseen is a file that knows which bytes were asked for before they are read.
type foreseen struct {
	*bytes.Reader
	from, to int64 // what was asked for last
	missed   bool
}

func (f *foreseen) ReadAhead(off, n int64) { f.from, f.to = off, off+n }

func (f *foreseen) ReadAt(p []byte, off int64) (int, error) {
	f.missed = f.missed || off < f.from || off+int64(len(p)) > f.to
	return f.Reader.ReadAt(p, off)
}

func TestReadAhead(t *testing.T) {
	ring := testRing(t)
	plain := bytes.Repeat([]byte("gate"), 10<<10)
	raw := sealFile(t, testKey(t, ring), plain)
	file := &foreseen{Reader: bytes.NewReader(raw)}
	r, err := NewReader(file, int64(len(raw)), ring)
	if err != nil {
		t.Fatal(err)
	}
	f := func(off, n int64) {
		t.Helper()
		file.from, file.to, file.missed = 0, 0, false
		r.ReadAhead(off, n)
		if _, err := r.ReadAt(make([]byte, n), off); err != nil {
			t.Fatal(err)
		}
		if file.missed {
			t.Errorf("%d bytes at %d: more was read than asked for", n, off)
		}
		if file.to > int64(len(raw))+tagSize+frameSize {
			t.Errorf("%d bytes at %d: asked for up to %d of %d", n, off, file.to, len(raw))
		}
	}
	f(0, 1)
	f(frameSize-1, 2)
	f(frameSize, frameSize)
	f(0, int64(len(plain)))
	f(int64(len(plain))-1, 1)
	r.ReadAhead(-1, 10) // nothing to read
	r.ReadAhead(1<<40, 10)
}
