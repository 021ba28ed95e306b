package queue

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// HeaderSize is where the body of a frame begins.
const HeaderSize = headerSize

// FaultMode says what the failing call does.
type FaultMode int

const (
	FailCall    FaultMode = iota // returns EIO and does nothing
	FailAfter                    // does its work and returns EIO
	ShortWrite                   // writes half and returns ENOSPC; other calls as FailCall
	DeadForGood                  // as FailCall, and so does every later call
)

// Faults is a file system that fails at one of its calls.
type Faults struct {
	Mode   FaultMode
	At     int  // the call that fails, from 1; 0 fails none
	NoSync bool // syncs do nothing: a log that lies about being durable
	// BlindToSpace reports a disk that is never full.
	BlindToSpace bool

	mu      sync.Mutex
	calls   int
	writes  bool            // every writev fails
	unnamed map[string]bool // created files whose names are not durable
	Log     *slog.Logger
	Reg     prometheus.Registerer
}

// OpenFaulty opens the log in dir on a file system with faults.
func OpenFaulty(dir string, cfg Config, f *Faults) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f.unnamed = map[string]bool{}
	return open(faultyDir{directory(dir), f}, cfg, f.Log, f.Reg)
}

// Calls returns how many calls there were.
func (f *Faults) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// FailWrites lets all writes fail from now on, or none.
func (f *Faults) FailWrites(fail bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes = fail
}

func (f *Faults) failsWrites() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// Crash takes away the files whose names no sync of the directory made durable.
func (f *Faults) Crash(dir string) error {
	for name := range f.unnamed {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// call counts one call and returns its error, if it is the one to fail.
func (f *Faults) call() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.At == 0 || f.calls < f.At || f.calls > f.At && f.Mode != DeadForGood {
		return nil
	}
	return syscall.EIO
}

// do runs one call.
func (f *Faults) do(work func() error) error {
	err := f.call()
	if err == nil || f.Mode == FailAfter {
		if werr := work(); werr != nil {
			return werr
		}
	}
	return err
}

type faultyDir struct {
	directory
	f *Faults
}

func (d faultyDir) open(name string, flag int) (file, error) {
	var opened file
	_, serr := os.Stat(filepath.Join(string(d.directory), name))
	err := d.f.do(func() (err error) {
		if os.IsNotExist(serr) {
			d.f.mu.Lock()
			d.f.unnamed[name] = true
			d.f.mu.Unlock()
		}
		opened, err = d.directory.open(name, flag)
		return err
	})
	if err != nil {
		if opened != nil {
			_ = opened.Close()
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &faultyFile{file: opened, f: d.f}, nil
}

func (d faultyDir) remove(name string) error {
	return d.f.do(func() error { return d.directory.remove(name) })
}

func (d faultyDir) list() (infos []fileInfo, err error) {
	err = d.f.do(func() (err error) {
		infos, err = d.directory.list()
		return err
	})
	return infos, err
}

func (d faultyDir) syncDir() error {
	return d.f.do(func() error {
		if d.f.NoSync {
			return nil
		}
		d.f.mu.Lock()
		clear(d.f.unnamed)
		d.f.mu.Unlock()
		return d.directory.syncDir()
	})
}

func (d faultyDir) space() (free, total int64, err error) {
	err = d.f.do(func() (err error) {
		free, total, err = d.directory.space()
		if d.f.BlindToSpace {
			free = total
		}
		return err
	})
	return free, total, err
}

// faultyFile is a file whose failed sync loses what was written since the last
// one, as Linux file systems may.
type faultyFile struct {
	file
	f        *Faults
	unsynced []extent
}

type extent struct{ off, length int64 }

func (f *faultyFile) ReadAt(b []byte, off int64) (n int, err error) {
	err = f.f.do(func() (err error) {
		n, err = f.file.ReadAt(b, off)
		return err
	})
	return n, err
}

func (f *faultyFile) writev(bufs [][]byte, off int64) (n int64, err error) {
	err = f.f.do(func() (err error) {
		n, err = f.file.writev(bufs, off)
		return err
	})
	if err == nil && f.f.failsWrites() {
		err = syscall.EIO
	}
	if err != nil && f.f.Mode == ShortWrite && n == 0 {
		half := bufs[0][:len(bufs[0])/2]
		n, _ = f.file.writev([][]byte{half}, off)
		err = syscall.ENOSPC
	}
	f.unsynced = append(f.unsynced, extent{off, n})
	return n, err
}

func (f *faultyFile) sync() error {
	err := f.f.do(func() error {
		if f.f.NoSync {
			return nil
		}
		return f.file.sync()
	})
	if err != nil {
		for _, e := range f.unsynced {
			if _, werr := f.file.writev([][]byte{make([]byte, e.length)}, e.off); werr != nil {
				return werr
			}
		}
	}
	f.unsynced = nil
	return err
}

func (f *faultyFile) reserve(to int64) error {
	return f.f.do(func() error { return f.file.reserve(to) })
}

func (f *faultyFile) Close() error {
	err := f.f.call()
	if cerr := f.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// Restamp gives the first frame of a segment another marker and offset 2.
func Restamp(frame, m []byte) []byte {
	h, err := parseHeader(frame, marker(frame[:8]))
	if err != nil {
		panic(err)
	}
	h.first = 2
	h.put(frame, marker(m))
	return frame[:h.size()]
}

// Waiting returns how many appends the committer has not looked at.
func Waiting(d *Disk) int { return len(d.inbox) }

// HasMemory reports whether all but that many bytes of the memory for frames are
// free.
func HasMemory(d *Disk, but int64) bool {
	free := d.memory.TryAcquire(2*maxAppendBytes - but)
	if free {
		d.memory.Release(2*maxAppendBytes - but)
	}
	return free
}

// SetClock gives an idle log another clock.
func SetClock(d *Disk, now func() time.Time) { d.now = now }
