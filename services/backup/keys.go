package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/gatewatch/gatewatch/services/vault"
)

// keys copies the key ring, and the master key if that is wanted, and looks
// whether all that was copied can be opened with it.
func (r *run) keys(ctx context.Context) error {
	for _, name := range []string{ringName, ringName + copySuffix, masterName} {
		if name == masterName && !r.Master {
			_, err := os.Lstat(filepath.Join(r.data, name))
			r.created.MasterLeftOut = err == nil
			continue
		}
		if err := r.tree(ctx, name, ordinary); err != nil {
			return err
		}
	}
	held := r.heldKeys()
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		id, sealed, err := r.fileKey(r.files[name])
		switch {
		case err != nil && !errors.Is(err, vault.ErrDamaged):
			return err
		case err != nil:
			r.created.Unopened = append(r.created.Unopened, fmt.Sprintf("%s: %v", name, err))
		case sealed && !held[id]:
			r.created.Unopened = append(r.created.Unopened, fmt.Sprintf("%s needs the data key %s, which %s does not have", name, id, ringName))
		}
	}
	return nil
}

// heldKeys returns the data keys of the ring that was copied, of both its files:
// a key may have been made between the two. One that is damaged is no reason to
// copy nothing.
func (r *run) heldKeys() map[vault.ID]bool {
	held := map[vault.ID]bool{}
	for _, name := range []string{ringName, ringName + copySuffix} {
		f, ok := r.files[name]
		if !ok {
			continue
		}
		ids, err := vault.RingIDs(r.objects.path(f.SHA256))
		if err != nil {
			r.created.Unopened = append(r.created.Unopened, fmt.Sprintf("%s: %v", name, err))
		}
		for _, id := range ids {
			held[id] = true
		}
	}
	return held
}

// fileKey returns the data key of a copied file, if it is sealed.
func (r *run) fileKey(f File) (vault.ID, bool, error) {
	content, err := os.Open(r.objects.path(f.SHA256))
	if errors.Is(err, fs.ErrNotExist) {
		return vault.ID{}, false, fmt.Errorf("the backup has no content of %s: %w", f.Path, err)
	}
	if err != nil {
		return vault.ID{}, false, fmt.Errorf("check backup: %w", err)
	}
	defer content.Close()
	return vault.FileKey(content)
}
