//go:build unix

package waf

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock of a file, which ends with the process.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
