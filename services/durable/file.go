// Package durable replaces small files so that after a crash or a power cut
// either the old or the new content is there, whole.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WriteFile replaces a file, or makes it, and returns once it is durable: the
// content is synced before it gets its name, the folder after. On an error the
// old content is still there. Two writers of one path must take turns.
func WriteFile(path string, content []byte, perm os.FileMode) (err error) {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write file: %w", errors.Join(err, os.Remove(temp)))
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write file: %w", errors.Join(err, os.Remove(temp)))
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a folder durable: files made, renamed or removed.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
