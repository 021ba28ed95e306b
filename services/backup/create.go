package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
)

// Parts of a data folder that are copied in an order of their own.
const (
	queueName  = "queue"
	storeName  = "store"
	auditName  = "audit"
	ringName   = "keys.json" // the key ring, with its copy beside it
	copySuffix = ".copy"
	masterName = "master.key" // wraps the key ring
)

// Options of a backup. The zero value copies.
type Options struct {
	Version  string                          // of the program, for the index
	Link     bool                            // hard links instead of copies of immutable files where the two folders are on one file system
	Master   bool                            // copy master.key too, where the data folder has one
	Progress func(file string, copied int64) // after each file, with the bytes copied so far; may be nil
	Now      func() time.Time                // default time.Now

	step func(what string) error // before each change of the backup; for tests
}

// Created is what a backup did.
type Created struct {
	Index  *Index
	Copied int64 // bytes; the rest was there, or is linked
	// Unopened says which files need a data key that the key ring does not have:
	// they are copied, and cannot be opened, there as here.
	Unopened []string
	// LeftOut are links in the data folder and other things that are neither file
	// nor folder.
	LeftOut []string
	// MasterLeftOut: the data folder has a master.key, and the backup has not.
	MasterLeftOut bool
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
	for range 10 {
		if err = r.collect(ctx); !errors.Is(err, errMoved) {
			break
		}
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
	created      Created
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
// Events leave the store for an archive, so archives come after it, and the keys
// last: they are in the ring before anything is encrypted with them.
func (r *run) collect(ctx context.Context) error {
	r.index = &Index{Created: r.Now().UTC(), Version: r.Version}
	r.files = map[string]File{}
	r.created = Created{Index: r.index, Copied: r.created.Copied}
	needed, err := r.queueSegments()
	if err != nil {
		return err
	}
	if err := r.others(ctx, ordinary); err != nil {
		return err
	}
	if err := r.database(ctx); err != nil {
		return err
	}
	if err := r.queue(ctx, needed); err != nil {
		return err
	}
	if err := r.storeAndAudit(ctx); err != nil {
		return err
	}
	if err := r.others(ctx, archives); err != nil {
		return err
	}
	return r.keys(ctx)
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
	slices.Sort(r.created.LeftOut)
	r.created.LeftOut = slices.Compact(r.created.LeftOut)
	return r.created, r.objects.prune(r.index)
}
