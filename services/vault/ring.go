package vault

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
)

const (
	ringVersion = 1
	maxKeys     = 1 << 14
	maxRing     = 8 << 20 // bytes of the file
)

// Ring holds the data keys of a directory. Its methods may be called at once.
// One process writes a ring; others may read it meanwhile.
type Ring struct {
	path   string
	master Master

	mu   sync.Mutex
	keys []entry // oldest first
	open map[ID]*Key
}

// ringFile is the file. It is written twice, with the suffix .copy too: without
// its keys all that they encrypt is lost.
type ringFile struct {
	Version int     `json:"version"`
	Keys    []entry `json:"keys"`
}

// entry is a data key as the file holds it.
type entry struct {
	ID      ID        `json:"-"`
	Name    string    `json:"id"`
	Purpose string    `json:"purpose"`
	Created time.Time `json:"created"`
	Wrapped []byte    `json:"wrapped"` // nonce, ciphertext, tag
}

// Open opens the ring of a file, which need not exist, and unwraps its keys. If
// the file is damaged its copy counts.
func Open(path string, master Master) (*Ring, error) {
	r := &Ring{path: path, master: master}
	if err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// load reads the file; the caller holds the lock or is alone.
func (r *Ring) load() error {
	keys, err := readRing(r.path)
	if err != nil && !errors.Is(err, ErrMaster) {
		copied, second := readRing(r.path + ".copy")
		switch {
		case second == nil:
			keys, err = copied, nil
		case errors.Is(err, fs.ErrNotExist) && errors.Is(second, fs.ErrNotExist):
			err = nil
		}
	}
	if err != nil {
		return err
	}
	open := make(map[ID]*Key, len(keys))
	for _, e := range keys {
		k, err := r.master.unwrap(e)
		if err != nil {
			return err
		}
		if old := r.open[e.ID]; old != nil {
			k = old
		}
		open[e.ID] = k
	}
	r.keys, r.open = keys, open
	return nil
}

func readRing(path string) ([]entry, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key ring: %w", err)
	}
	if info.Size() > maxRing {
		return nil, fmt.Errorf("read key ring %s: %d bytes are too many", path, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key ring: %w", err)
	}
	var f ringFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("read key ring %s: %w", path, err)
	}
	if f.Version != ringVersion || len(f.Keys) > maxKeys {
		return nil, fmt.Errorf("read key ring %s: version %d with %d keys is not known", path, f.Version, len(f.Keys))
	}
	for i := range f.Keys {
		e := &f.Keys[i]
		if e.ID, err = ParseID(e.Name); err != nil {
			return nil, fmt.Errorf("read key ring %s: %w", path, err)
		}
	}
	return f.Keys, nil
}

// save makes the keys durable under the master key.
func (r *Ring) save(keys []entry) error {
	b, err := json.MarshalIndent(ringFile{Version: ringVersion, Keys: keys}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode key ring: %w", err)
	}
	for _, path := range []string{r.path, r.path + ".copy"} {
		if err := durable.WriteFile(path, append(b, '\n'), 0o600); err != nil {
			return fmt.Errorf("write key ring: %w", err)
		}
	}
	return nil
}

// Current returns the newest data key of a purpose if it is younger than age at
// the time now, else a new one, which is durable before it is returned.
func (r *Ring) Current(purpose string, now time.Time, age time.Duration) (*Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range slices.Backward(r.keys) {
		if e.Purpose == purpose && now.Sub(e.Created) < age {
			return r.open[e.ID], nil
		}
	}
	if len(r.keys) == maxKeys {
		return nil, fmt.Errorf("make data key: the ring holds %d keys: remove those that are not in use", maxKeys)
	}
	k := &Key{}
	fill(k.ID[:])
	fill(k.secret[:])
	e, err := r.master.wrap(k, purpose, now)
	if err != nil {
		return nil, err
	}
	keys := append(slices.Clip(r.keys), e)
	if err := r.save(keys); err != nil {
		return nil, err
	}
	r.keys, r.open[k.ID] = keys, k
	return k, nil
}

// Key returns a data key by its ID. A key that another process has made since is
// looked for in the file. It returns ErrUnknownKey if there is none.
func (r *Ring) Key(id ID) (*Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.open[id]; k != nil {
		return k, nil
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	if k := r.open[id]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("look up data key %s: %w", id, ErrUnknownKey)
}

// Listed is what a ring says of a data key.
type Listed struct {
	ID      ID
	Purpose string
	Created time.Time
}

// List returns the data keys, oldest first.
func (r *Ring) List() []Listed {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Listed
	for _, e := range r.keys {
		all = append(all, Listed{e.ID, e.Purpose, e.Created})
	}
	return all
}

// Destroy removes data keys for ever, and with them all that they encrypt.
func (r *Ring) Destroy(ids ...ID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := slices.DeleteFunc(slices.Clone(r.keys), func(e entry) bool { return slices.Contains(ids, e.ID) })
	if err := r.save(keys); err != nil {
		return err
	}
	r.keys = keys
	for _, id := range ids {
		delete(r.open, id)
	}
	return nil
}

// Rewrap wraps all data keys with another master key. Nothing that they encrypt
// is written again.
func (r *Ring) Rewrap(master Master) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]entry, 0, len(r.keys))
	for _, old := range r.keys {
		e, err := master.wrap(r.open[old.ID], old.Purpose, old.Created)
		if err != nil {
			return err
		}
		keys = append(keys, e)
	}
	if err := r.save(keys); err != nil {
		return err
	}
	r.keys, r.master = keys, master
	return nil
}

// label is what a wrapped key is bound to.
func (e entry) label() []byte {
	sum := sha256.Sum256([]byte(e.Purpose))
	return append(sum[:], e.ID[:]...)
}

func (m Master) wrap(k *Key, purpose string, created time.Time) (entry, error) {
	e := entry{ID: k.ID, Name: k.ID.String(), Purpose: purpose, Created: created.UTC().Truncate(time.Second)}
	aead, err := derive(m.key[:], nil, "master key")
	if err != nil {
		return entry{}, err
	}
	nonce := make([]byte, nonceSize)
	fill(nonce) // random: a master key wraps far fewer than 2^32 keys
	e.Wrapped = aead.Seal(nonce, nonce, k.secret[:], e.label())
	return e, nil
}

func (m Master) unwrap(e entry) (*Key, error) {
	if len(e.Wrapped) != nonceSize+keySize+tagSize {
		return nil, fmt.Errorf("unwrap data key %s: %w", e.ID, ErrDamaged)
	}
	aead, err := derive(m.key[:], nil, "master key")
	if err != nil {
		return nil, err
	}
	k := &Key{ID: e.ID}
	if _, err := aead.Open(k.secret[:0], e.Wrapped[:nonceSize], e.Wrapped[nonceSize:], e.label()); err != nil {
		return nil, fmt.Errorf("unwrap data key %s: %w", e.ID, ErrMaster)
	}
	return k, nil
}
