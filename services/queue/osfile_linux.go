package queue

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxVectors is the IOV_MAX of Linux.
const maxVectors = 1024

type osFile struct{ *os.File }

func (f osFile) writev(bufs [][]byte, off int64) (int64, error) {
	var written int64
	for len(bufs) > 0 {
		n, err := unix.Pwritev(int(f.Fd()), bufs[:min(len(bufs), maxVectors)], off+written)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return written, os.NewSyscallError("pwritev", err)
		}
		if n == 0 {
			return written, io.ErrShortWrite
		}
		written += int64(n)
		bufs = advance(bufs, n)
	}
	return written, nil
}

func (f osFile) sync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

func (f osFile) reserve(to int64) error {
	if to == 0 {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return f.Truncate(info.Size())
	}
	return os.NewSyscallError("fallocate", unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, to))
}

// advance drops the first n bytes of bufs without changing what the caller holds.
func advance(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n == 0 {
		return bufs
	}
	rest := append([][]byte{bufs[0][n:]}, bufs[1:]...)
	return rest
}
