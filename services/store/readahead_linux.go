package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// segmentSource reads a segment's file. Queries read parts of it here and there
// and say themselves what comes next, so the kernel is told not to guess: it would
// read many times what is asked for.
type segmentSource struct{ *os.File }

func newSegmentSource(f *os.File) segmentSource {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM) // advice: without it reads are right, too
	return segmentSource{f}
}

// aheadPiece is how much the kernel is asked for at once: of more it may read the
// beginning only.
const aheadPiece = 128 << 10

// ReadAhead begins to read bytes into the page cache.
func (s segmentSource) ReadAhead(off, n int64) {
	for ; n > 0; off, n = off+aheadPiece, n-aheadPiece {
		if unix.Fadvise(int(s.Fd()), off, min(n, aheadPiece), unix.FADV_WILLNEED) != nil {
			return // advice
		}
	}
}
