package queue

import (
	"io"
	"time"
)

// fileSystem is the one directory a log lives in. It is the seam at which
// tests let single system calls fail.
type fileSystem interface {
	// open opens a file of the directory with flags of package os. A created
	// file is durable only after syncDir.
	open(name string, flag int) (file, error)
	remove(name string) error
	// list returns the plain files of the directory in order of their names.
	list() ([]fileInfo, error)
	// syncDir makes created and removed names durable.
	syncDir() error
	// space returns the bytes that are free for us and the size of the disk.
	space() (free, total int64, err error)
}

// file is an open file of a fileSystem. One goroutine writes; reads may go on
// beside it.
type file interface {
	io.ReaderAt
	io.Closer
	// writev writes the buffers one after the other from off on, in as few
	// calls as the system allows, and returns how many bytes it wrote.
	writev(bufs [][]byte, off int64) (int64, error)
	// sync returns once the written bytes, and the size needed to read them,
	// are durable. After an error the file must not be written again: the
	// kernel has forgotten which pages were lost.
	sync() error
	// reserve allocates blocks for the bytes before to without changing the
	// size of the file; 0 gives back those behind its end. It is a hint: a file
	// system that cannot do it is no worse than slow.
	reserve(to int64) error
}

type fileInfo struct {
	name     string
	size     int64
	modified time.Time
}
