package waf

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFile makes the bytes of a file durable, and the size needed to read them.
func syncFile(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
