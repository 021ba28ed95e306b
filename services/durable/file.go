// Package durable replaces files so that after a crash or a power cut either the
// old or the new content is there, whole.
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
func WriteFile(path string, content []byte, perm os.FileMode) error {
	return Write(path, perm, func(f *os.File) error {
		_, err := f.Write(content)
		return err
	})
}

// Write is WriteFile for content that fill writes. What fill does besides, such
// as to set the time of the file, is done before the file gets its name.
func Write(path string, perm os.FileMode, fill func(f *os.File) error) error {
	return write(path, perm, fill, (*os.File).Sync)
}

// SyncDir makes the names in a folder durable: files made, renamed or removed.
func SyncDir(dir string) error { return syncDir(dir, (*os.File).Sync) }

// Unfinished ends the names of files that are being written: what a crash leaves
// of them may be removed.
const Unfinished = ".new"

// write is Write with the call that syncs a file or folder.
func write(path string, perm os.FileMode, fill, sync func(f *os.File) error) error {
	temp := path + Unfinished
	// What a crash has left may have the permissions of somebody else.
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write file: %w", err)
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	err = fill(f)
	if err == nil {
		err = sync(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write file: %w", errors.Join(err, os.Remove(temp)))
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write file: %w", errors.Join(err, os.Remove(temp)))
	}
	return syncDir(filepath.Dir(path), sync)
}

func syncDir(dir string, sync func(f *os.File) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(sync(d), d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
