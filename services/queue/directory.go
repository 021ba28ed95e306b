//go:build unix

package queue

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// directory is the fileSystem of the operating system.
type directory string

func (d directory) open(name string, flag int) (file, error) {
	f, err := os.OpenFile(filepath.Join(string(d), name), flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d directory) remove(name string) error {
	return os.Remove(filepath.Join(string(d), name))
}

func (d directory) list() ([]fileInfo, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var infos []fileInfo
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			if os.IsNotExist(err) {
				continue // removed since ReadDir, by a cut beside a reader
			}
			return nil, err
		}
		infos = append(infos, fileInfo{name: e.Name(), size: info.Size(), modified: info.ModTime()})
	}
	return infos, nil
}

func (d directory) syncDir() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func (d directory) space() (free, total int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(string(d), &s); err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: string(d), Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil //nolint:unconvert // types differ between systems
}

// lock takes the directory for this process. The kernel gives it back when the
// file is closed or the process dies.
func (d directory) lock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(string(d), "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // the lock error is the one that matters
		return nil, fmt.Errorf("lock directory, is another process using it: %w", err)
	}
	return f, nil
}
