//go:build unix && !linux

package queue

import "os"

type osFile struct{ *os.File }

func (f osFile) writev(bufs [][]byte, off int64) (int64, error) {
	var written int64
	for _, b := range bufs {
		n, err := f.WriteAt(b, off+written)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func (f osFile) sync() error { return f.Sync() }

func (f osFile) reserve(int64) error { return nil }
