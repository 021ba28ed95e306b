package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatewatch/gatewatch/services/durable"
)

// incomplete is in a data folder while it is restored.
const incomplete = "restore.incomplete"

var (
	// ErrNotEmpty means that a folder to restore to holds something.
	ErrNotEmpty = errors.New("folder is not empty")
	// ErrIncomplete means that a data folder is not restored to the end.
	ErrIncomplete = errors.New("a restore to this folder has not ended: run gatewatch store restore again")
)

// Check returns ErrIncomplete for a data folder that is not restored to the end.
func Check(data string) error {
	if _, err := os.Lstat(filepath.Join(data, incomplete)); err == nil {
		return fmt.Errorf("open %s: %w", data, ErrIncomplete)
	}
	return nil
}

// Restore makes a data folder from a backup. The folder must be empty, or hold a
// restore that has not ended. Every file is checked while it is copied; on an
// error nothing of it stays. progress, which may be nil, is called with the bytes
// copied so far. All is durable on return.
func Restore(ctx context.Context, dir, data string, progress func(copied int64)) (*Index, error) {
	x, err := Open(dir)
	if err != nil {
		return nil, err
	}
	if err := prepare(data, x); err != nil {
		return nil, fmt.Errorf("restore %s: %w", data, err)
	}
	var copied int64
	for _, f := range x.Files {
		if err := restoreFile(ctx, dir, data, f); err != nil {
			return nil, errors.Join(fmt.Errorf("restore %s: %w", f.Path, err), undo(data, x))
		}
		copied += f.Size
		if progress != nil {
			progress(copied)
		}
	}
	// A store whose events are all in the queue yet has no file.
	if err := makeFolders(data, filepath.Join(data, storeName)); err != nil {
		return nil, errors.Join(fmt.Errorf("restore: %w", err), undo(data, x))
	}
	if err := os.Remove(filepath.Join(data, incomplete)); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return x, durable.SyncDir(data)
}

// prepare makes the folder ready: empty, but for the mark that it is not whole.
func prepare(data string, x *Index) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if Check(data) != nil {
		if err := undo(data, x); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: it holds %s", ErrNotEmpty, entries[0].Name())
	}
	if err := durable.SyncDir(filepath.Dir(data)); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(data, incomplete), nil, 0o600)
}

// undo removes the files of a restore, and last the mark.
func undo(data string, x *Index) error {
	var errs []error
	remove := func(path string) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	folders := map[string]bool{filepath.Join(data, storeName): true}
	for _, f := range x.Files {
		path := filepath.Join(data, filepath.FromSlash(f.Path))
		remove(path)
		remove(path + durable.Unfinished)
		for dir := filepath.Dir(path); dir != data && !folders[dir]; dir = filepath.Dir(dir) {
			folders[dir] = true
		}
	}
	for range len(folders) { // a folder goes once those in it are gone
		for dir := range folders {
			if os.Remove(dir) == nil {
				delete(folders, dir)
			}
		}
	}
	if len(errs) == 0 {
		remove(filepath.Join(data, incomplete))
	}
	return errors.Join(errs...)
}

// restoreFile copies one content to its path, durably, or leaves nothing.
func restoreFile(ctx context.Context, dir, data string, f File) error {
	path := filepath.Join(data, filepath.FromSlash(f.Path))
	if err := makeFolders(data, filepath.Dir(path)); err != nil {
		return err
	}
	in, err := os.Open(filepath.Join(dir, objectsName, f.SHA256))
	if err != nil {
		return fmt.Errorf("the backup is damaged: %w", err)
	}
	defer in.Close()
	return durable.Write(path, f.Mode, func(out *os.File) error {
		h := sha256.New()
		n, err := io.Copy(io.MultiWriter(out, h), reader(ctx, in))
		if err != nil {
			return err
		}
		if sum := hex.EncodeToString(h.Sum(nil)); n != f.Size || sum != f.SHA256 {
			return fmt.Errorf("the backup is damaged: content %s of %d bytes is %s of %d", f.SHA256, f.Size, sum, n)
		}
		return nil
	})
}

// makeFolders makes a folder within the data folder, durably.
func makeFolders(data, dir string) error {
	if dir == data {
		return nil
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeFolders(data, filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(dir))
}
