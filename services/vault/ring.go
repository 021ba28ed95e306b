package vault

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"
)

// Ring holds the data keys of a directory. Its methods may be called at once,
// and by several processes.
type Ring struct {
	path   string
	master Master

	mu         sync.Mutex
	generation uint64
	keys       []entry // oldest first
	open       map[ID]*Key
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

// load reads the file and its copy and takes what is newer of what is whole; the
// caller holds mu or is alone.
func (r *Ring) load() error {
	f, err := readRing(r.path, r.master)
	other, second := readRing(r.path+copySuffix, r.master)
	switch {
	case errors.Is(err, fs.ErrNotExist) && errors.Is(second, fs.ErrNotExist):
		f, err = ringFile{Version: ringVersion}, nil
	case err != nil && second == nil, err == nil && second == nil && other.Generation > f.Generation:
		f, err = other, nil
	}
	if err != nil {
		return err
	}
	open := make(map[ID]*Key, len(f.Keys))
	for _, e := range f.Keys {
		k := r.open[e.ID] // with what it has derived
		if k == nil {
			if k, err = r.master.unwrap(e); err != nil {
				return err
			}
		}
		open[e.ID] = k
	}
	r.generation, r.keys, r.open = f.Generation, f.Keys, open
	return nil
}

// change lets f make other keys of those in the file and makes them durable. No
// other process changes the ring meanwhile. The caller holds mu.
func (r *Ring) change(f func() ([]entry, Master, error)) error {
	lock, err := lockRing(r.path)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := r.load(); err != nil {
		return err
	}
	keys, master, err := f()
	if err != nil {
		return err
	}
	if err := writeRing(r.path, ringFile{Version: ringVersion, Generation: r.generation + 1, Keys: keys}, master); err != nil {
		return err
	}
	r.generation, r.keys, r.master = r.generation+1, keys, master
	return nil
}

// Current returns the newest data key of a purpose if it is younger than age at
// the time now, else a new one, which is durable before it is returned.
func (r *Ring) Current(purpose string, now time.Time, age time.Duration) (*Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.newest(purpose, now, age); k != nil {
		return k, nil
	}
	var k *Key
	err := r.change(func() ([]entry, Master, error) {
		if k = r.newest(purpose, now, age); k != nil { // of another process
			return r.keys, r.master, nil
		}
		if len(r.keys) == maxKeys {
			return nil, r.master, fmt.Errorf("make data key: the ring holds %d keys: remove those that are not in use", maxKeys)
		}
		k = &Key{}
		fill(k.ID[:])
		fill(k.secret[:])
		e, err := r.master.wrap(k, purpose, now)
		return append(slices.Clip(r.keys), e), r.master, err
	})
	if err != nil {
		return nil, err
	}
	r.open[k.ID] = k
	return k, nil
}

func (r *Ring) newest(purpose string, now time.Time, age time.Duration) *Key {
	for _, e := range slices.Backward(r.keys) {
		if e.Purpose == purpose && now.Sub(e.Created) < age {
			return r.open[e.ID]
		}
	}
	return nil
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
	err := r.change(func() ([]entry, Master, error) {
		return slices.DeleteFunc(slices.Clone(r.keys), func(e entry) bool { return slices.Contains(ids, e.ID) }), r.master, nil
	})
	if err != nil {
		return err
	}
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
	return r.change(func() ([]entry, Master, error) {
		keys := make([]entry, 0, len(r.keys))
		for _, old := range r.keys {
			e, err := master.wrap(r.open[old.ID], old.Purpose, old.Created)
			if err != nil {
				return nil, master, err
			}
			keys = append(keys, e)
		}
		return keys, master, nil
	})
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
