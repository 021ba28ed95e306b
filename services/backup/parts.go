package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
)

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

// queueSegments returns the files of the log, the one that is written to last.
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
		if err := r.tree(ctx, queueName+"/"+name, ordinary); err != nil {
			return err
		}
	}
	names, err := r.queueSegments()
	if err != nil {
		return err
	}
	for i, name := range names {
		closed := i < len(names)-1 // the next one was begun after its last byte
		err := r.file(ctx, filepath.Join(r.data, queueName, name), queueName+"/"+name, closed)
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
			err = r.tree(ctx, auditName, ordinary)
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
		return r.tree(ctx, storeName, ordinary)
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
	if err := r.setAside(ctx); err != nil {
		return err
	}
	return r.file(ctx, filepath.Join(dir, store.ManifestName), storeName+"/"+store.ManifestName, false)
}

// setAside copies the folders of the store: damaged segments that it keeps for
// whoever can read them.
func (r *run) setAside(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(r.data, storeName))
	if err != nil {
		return fmt.Errorf("copy store: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := r.tree(ctx, storeName+"/"+e.Name(), ordinary); err != nil {
			return err
		}
	}
	return nil
}
