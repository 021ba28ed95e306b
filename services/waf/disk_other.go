//go:build unix && !linux

package waf

import "os"

// syncFile makes a file durable.
func syncFile(f *os.File) error { return f.Sync() }
