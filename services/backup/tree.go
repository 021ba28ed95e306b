package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/state"
)

// selection is which files of a folder are copied.
type selection bool

const (
	ordinary selection = false // all that are in no archive
	archives selection = true  // those in archives, none of which ever changes
)

// others copies what has no place of its own in the order of the parts.
func (r *run) others(ctx context.Context, which selection) error {
	entries, err := os.ReadDir(r.data)
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case queueName, storeName, auditName, ringName, ringName + copySuffix, masterName:
			continue
		}
		if err := r.tree(ctx, e.Name(), which); err != nil {
			return err
		}
	}
	return nil
}

// left tells whether a file is not part of a backup: it is of the running
// process, is being written, or copied in another way. name has slashes and is
// that in the data folder.
func left(name string) bool {
	if name == "listen.json" || name == incomplete || strings.HasPrefix(name, state.FileName) {
		return true
	}
	base := name[strings.LastIndexByte(name, '/')+1:]
	return base == "lock" || strings.HasSuffix(base, ".lock") || strings.HasSuffix(base, durable.Unfinished)
}

// unfinished tells whether a folder is one that is being written, as of an
// archive: it has its own name when it is whole.
func unfinished(base string) bool {
	return strings.HasPrefix(base, ".") && strings.HasSuffix(base, durable.Unfinished)
}

// isArchive tells whether a folder is an archive, see services/archive.
func isArchive(dir string) bool {
	for _, name := range []string{"manifest.json", "part-00001.parquet"} {
		if st, err := os.Lstat(filepath.Join(dir, name)); err != nil || !st.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// tree copies a file, or the files of a folder, which may be linked from the data
// folder. What is gone when its turn comes was replaced or removed by the server.
func (r *run) tree(ctx context.Context, name string, which selection) error {
	root, err := filepath.EvalSymlinks(filepath.Join(r.data, name))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(filepath.Join(r.data, name)); err == nil && which == ordinary {
			r.leaveOut(name) // a link to nothing
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	inside := "" // the archive at hand
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read data folder: %w", err)
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(filepath.Join(name, rel))
		inArchive := inside != "" && within(inside, path)
		if d.IsDir() {
			if unfinished(d.Name()) {
				return fs.SkipDir
			}
			if !inArchive && isArchive(path) {
				inside, inArchive = path, true
			}
			if inArchive && which != archives {
				return fs.SkipDir
			}
			return nil
		}
		if inArchive != bool(which) || left(rel) {
			return nil
		}
		if !d.Type().IsRegular() {
			r.leaveOut(rel)
			return nil
		}
		err = r.file(ctx, path, rel, inArchive)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

func (r *run) leaveOut(name string) { r.created.LeftOut = append(r.created.LeftOut, name) }

// file copies one file. One that does not change, and was copied when it did not
// any more, is not read again.
func (r *run) file(ctx context.Context, path, name string, immutable bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	x := File{Path: name, Mode: st.Mode().Perm(), Size: st.Size(), Modified: st.ModTime().UnixNano(), Immutable: immutable}
	if old := r.before[name]; old == x.of(old.SHA256) && immutable && r.objects.has(old.SHA256, old.Size) {
		r.files[name] = old
		return nil
	}
	var copied int64
	if x.SHA256, copied, err = r.objects.add(ctx, f, x.Size, immutable); err != nil {
		return err
	}
	r.created.Copied += copied
	r.files[name] = x
	if r.Progress != nil {
		r.Progress(name, r.created.Copied)
	}
	return nil
}
