//go:build !linux

package store

import "os"

// segmentSource reads a segment's file.
type segmentSource struct{ *os.File }

func newSegmentSource(f *os.File) segmentSource { return segmentSource{f} }
