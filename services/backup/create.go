package backup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
)

// Parts of a data folder that are copied in an order of their own.
const (
	queueName = "queue"
	storeName = "store"
	auditName = "audit"
)

// Options of a backup. The zero value copies.
type Options struct {
	Version  string                          // of the program, for the index
	Link     bool                            // hard links instead of copies of immutable files where the two folders are on one file system
	Progress func(file string, copied int64) // after each file, with the bytes copied so far; may be nil
	Now      func() time.Time                // default time.Now

	step func(what string) error // before each change of the backup; for tests
}

// Created is what a backup did.
type Created struct {
	Index  *Index
	Copied int64 // bytes; the rest was there, or is linked
}

// Create makes the backup in target one of the data folder as it is now. The
// server may run. It returns once the backup is durable; before that the backup
// that target held is still there, and what was copied is not copied again.
func Create(ctx context.Context, data, target string, o Options) (Created, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.step == nil {
		o.step = func(string) error { return nil }
	}
	r, unlock, err := begin(data, target, o)
	if err != nil {
		return Created{}, err
	}
	defer unlock()
	for try := range 10 {
		err = r.collect(ctx)
		if !errors.Is(err, errMoved) {
			break
		}
		r.moved = try + 1
	}
	if err != nil {
		return Created{}, err
	}
	return r.finish()
}

// errMoved means that the server took away what had to be copied yet.
var errMoved = errors.New("the server changes its files faster than they are copied")

// run is one backup under way.
type run struct {
	Options
	data, target string
	objects      objects
	before       map[string]File // of the backup before this one, by path
	index        *Index
	files        map[string]File // by path
	copied       int64
	moved        int
}

// begin checks the folders and takes the lock of the backup.
func begin(data, target string, o Options) (*run, func(), error) {
	fail := func(err error) (*run, func(), error) { return nil, nil, fmt.Errorf("begin backup: %w", err) }
	if within(data, target) {
		return fail(fmt.Errorf("%s lies in the data folder", target))
	}
	var full [2]string
	if err := os.MkdirAll(filepath.Join(target, objectsName), 0o700); err != nil {
		return fail(err)
	}
	for i, dir := range []string{data, target} {
		abs, err := filepath.Abs(dir)
		if err == nil {
			abs, err = filepath.EvalSymlinks(abs)
		}
		if err != nil {
			return fail(err)
		}
		full[i] = abs
	}
	if within(full[0], full[1]) {
		return fail(fmt.Errorf("%s lies in the data folder", target))
	}
	lock, err := os.OpenFile(filepath.Join(target, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fail(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fail(errors.Join(fmt.Errorf("another backup is written to %s: %w", target, err), lock.Close()))
	}
	r := &run{Options: o, data: full[0], target: full[1], before: map[string]File{}}
	r.objects = objects{dir: filepath.Join(r.target, objectsName), link: o.Link, step: o.step}
	if x, err := Open(target); err == nil {
		for _, f := range x.Files {
			r.before[f.Path] = f
		}
	}
	return r, func() { _ = lock.Close() }, nil
}

// within tells whether a path is a folder or lies in it.
func within(dir, path string) bool {
	dir, errDir := filepath.Abs(dir)
	path, errPath := filepath.Abs(path)
	rel, err := filepath.Rel(dir, path)
	return errDir == nil && errPath == nil && err == nil && filepath.IsLocal(rel)
}

// collect copies the data folder. The order makes it consistent: what detectors
// and state have seen is behind the queue, whose records are behind the store. So
// all that the store does not hold is in the queue, from where the others need it.
func (r *run) collect(ctx context.Context) error {
	r.index = &Index{Created: r.Now().UTC(), Version: r.Version}
	r.files = map[string]File{}
	needed, err := r.queueSegments()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(r.data)
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case queueName, storeName, auditName:
			continue
		}
		if err := r.tree(ctx, e.Name()); err != nil {
			return err
		}
	}
	if err := r.database(ctx); err != nil {
		return err
	}
	if err := r.queue(ctx, needed); err != nil {
		return err
	}
	return r.storeAndAudit(ctx)
}

// left tells whether a file is not part of a backup: it is of the running
// process, is being written, or copied in another way.
func left(name string) bool {
	return name == "listen.json" || name == "lock" || name == incomplete || strings.HasSuffix(name, ".lock") ||
		strings.HasSuffix(name, durable.Unfinished) || strings.HasPrefix(name, state.FileName)
}

// tree copies a file, or the files of a folder. What is gone when its turn comes
// was replaced or removed by the server.
func (r *run) tree(ctx context.Context, name string) error {
	root, err := filepath.EvalSymlinks(filepath.Join(r.data, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read data folder: %w", err)
		}
		if !d.Type().IsRegular() || left(d.Name()) {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		err = r.file(ctx, path, filepath.ToSlash(filepath.Join(name, rel)), false)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// file copies one file. An immutable one that was copied before is not read.
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
	x := File{Path: name, Mode: st.Mode().Perm(), Size: st.Size(), Modified: st.ModTime().UnixNano()}
	if old, ok := r.before[name]; ok && immutable && old.Size == x.Size && old.Modified == x.Modified && r.objects.has(old.SHA256, old.Size) {
		r.files[name] = old
		return nil
	}
	var copied int64
	if x.SHA256, copied, err = r.objects.add(ctx, f, x.Size, immutable); err != nil {
		return err
	}
	r.copied += copied
	r.files[name] = x
	if r.Progress != nil {
		r.Progress(name, r.copied)
	}
	return nil
}

// database copies the state as one transaction sees it.
func (r *run) database(ctx context.Context) error {
	path := filepath.Join(r.data, state.FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	temp := filepath.Join(r.target, state.FileName+durable.Unfinished)
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copy state: %w", err)
	}
	db, err := state.Open(ctx, r.data, r.Now)
	if err != nil {
		return err
	}
	err = errors.Join(db.Backup(ctx, temp), db.Close())
	if err == nil {
		err = errors.Join(r.file(ctx, temp, state.FileName, false), os.Remove(temp))
	}
	return err
}

func (r *run) queueSegments() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.data, queueName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read queue: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".seg") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// queue copies the log, all of whose segments that were there at the beginning
// are needed. First the commits: they must not tell of records that are not in
// the copy.
func (r *run) queue(ctx context.Context, needed []string) error {
	for _, name := range []string{"commits.0", "commits.1"} {
		if err := r.tree(ctx, queueName+"/"+name); err != nil {
			return err
		}
	}
	names, err := r.queueSegments()
	if err != nil {
		return err
	}
	for _, name := range names {
		err := r.file(ctx, filepath.Join(r.data, queueName, name), queueName+"/"+name, false)
		if errors.Is(err, fs.ErrNotExist) {
			return errMoved
		}
		if err != nil {
			return fmt.Errorf("copy queue: %w", err)
		}
	}
	for _, name := range needed {
		if !slices.Contains(names, name) {
			return errMoved
		}
	}
	return nil
}

// storeAndAudit copies the segments that one manifest names, and the audit log as
// it was beside that manifest.
func (r *run) storeAndAudit(ctx context.Context) error {
	for range 100 {
		before := r.mark()
		manifest, err := os.ReadFile(filepath.Join(r.data, storeName, store.ManifestName))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("copy store: %w", err)
		}
		for name := range r.files {
			if strings.HasPrefix(name, auditName+"/") || strings.HasPrefix(name, storeName+"/") {
				delete(r.files, name)
			}
		}
		err = r.segments(ctx, manifest)
		if errors.Is(err, fs.ErrNotExist) {
			continue // merged or deleted: the manifest is another one by now
		}
		if err == nil {
			err = r.tree(ctx, auditName)
		}
		if err != nil {
			return err
		}
		if r.mark() == before {
			return nil
		}
	}
	return errMoved
}

// mark changes with the manifest of the store and with the audit log.
func (r *run) mark() [sha256.Size]byte {
	h := sha256.New()
	for _, name := range []string{storeName + "/" + store.ManifestName, auditName + "/checkpoint", auditName + "/tail"} {
		b, err := os.ReadFile(filepath.Join(r.data, name))
		fmt.Fprintf(h, "%s %d %v\n", name, len(b), err != nil)
		h.Write(b) // never fails
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (r *run) segments(ctx context.Context, manifest []byte) error {
	dir := filepath.Join(r.data, storeName)
	if manifest == nil {
		return r.tree(ctx, storeName)
	}
	names, applied, err := store.ParseManifest(manifest)
	if err != nil {
		return fmt.Errorf("copy store: %w; start the server once to mend it", err)
	}
	r.index.Applied = applied
	for _, name := range names {
		if err := r.file(ctx, filepath.Join(dir, name), storeName+"/"+name, true); err != nil {
			return err
		}
	}
	return r.file(ctx, filepath.Join(dir, store.ManifestName), storeName+"/"+store.ManifestName, false)
}

// finish makes the backup durable, and the one before no longer needed.
func (r *run) finish() (Created, error) {
	for _, f := range r.files {
		r.index.Files = append(r.index.Files, f)
	}
	slices.SortFunc(r.index.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	for _, dir := range []string{r.objects.dir, r.target, filepath.Dir(r.target)} {
		if err := durable.SyncDir(dir); err != nil {
			return Created{}, err
		}
	}
	if err := r.step("index"); err != nil {
		return Created{}, err
	}
	if err := r.index.write(r.target); err != nil {
		return Created{}, err
	}
	return Created{r.index, r.copied}, r.objects.prune(r.index)
}
