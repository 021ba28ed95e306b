package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/store/segment"
	"github.com/gatewatch/gatewatch/services/vault"
)

func keyRing(t *testing.T, digit string) *vault.Ring {
	t.Helper()
	m, err := vault.ParseMaster(strings.Repeat(digit, 64))
	if err != nil {
		t.Fatal(err)
	}
	r, err := vault.Open(filepath.Join(t.TempDir(), "keys.json"), m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEncrypted turns encryption on for a store that has plain segments: both
// are read and merged, what is new is encrypted, and without its key the store
// neither opens nor removes anything, even if its manifest is lost.
func TestEncrypted(t *testing.T) {
	dir, keys := t.TempDir(), keyRing(t, "1")
	s := mustOpen(t, dir, Config{FlushRows: 10})
	put(t, s, 1, 51)
	await(t, s, func() bool { return s.applied == 51 })
	s.Close()
	s = mustOpen(t, dir, Config{FlushRows: 10, Keys: keys, Encrypt: true})
	for i := 51; i < 251; i += 10 {
		put(t, s, i, i+10)
	}
	await(t, s, func() bool { return s.applied == 251 })
	wantIDs(t, s, "*", 1, 251)
	for merged := true; merged; {
		var err error
		if merged, err = s.merge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = mustOpen(t, dir, Config{Keys: keys, Encrypt: true})
	wantIDs(t, s, "*", 1, 251)
	s.Close()
	files, err := segmentIDs(dir)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	encrypted := 0
	for _, id := range files {
		b, err := os.ReadFile(filepath.Join(dir, segmentName(id)))
		if err != nil {
			t.Fatal(err)
		}
		if plain := bytes.Contains(b, []byte("@timestamp")); !plain {
			encrypted++
		} else if bytes.Contains(b, []byte("GWSEALED")) {
			t.Error("an encrypted segment names a field in plain text")
		}
	}
	if encrypted == 0 {
		t.Error("no segment is encrypted")
	}

	refused := func(keys *vault.Ring) {
		t.Helper()
		if s, err := Open(dir, Config{Keys: keys}); !errors.Is(err, errKey) {
			if err == nil {
				s.Close()
			}
			t.Errorf("opened without the key: %v", err)
		}
		if left, err := segmentIDs(dir); err != nil || !slices.Equal(left, files) {
			t.Fatalf("%d files are left of %d, %v", len(left), len(files), err)
		}
	}
	refused(nil)
	refused(keyRing(t, "2"))
	if err := os.WriteFile(filepath.Join(dir, manifestName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(nil)
	s = mustOpen(t, dir, Config{Keys: keys})
	wantIDs(t, s, "*", 1, 251)
}

// TestEncryptedDamage flips bits of an encrypted segment: it opens, what is left
// is found, and the answer says that something is missing.
func TestEncryptedDamage(t *testing.T) {
	dir, keys := t.TempDir(), keyRing(t, "1")
	s := mustOpen(t, dir, Config{FlushRows: 40000, Keys: keys, Encrypt: true})
	put(t, s, 1, 40001)
	await(t, s, func() bool { return s.applied == 40001 })
	s.Close()
	files, err := segmentIDs(dir)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	path := filepath.Join(dir, segmentName(files[0]))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for at := 0; at < len(whole); at += len(whole) / 20 {
		raw := slices.Clone(whole)
		raw[at] ^= 0x10
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReadOnly(dir, Config{Keys: keys})
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		got, stats := ids(t, r, "*")
		r.Close()
		if len(got) < 40000 {
			missing++
		}
		if len(got) < 40000-2*segment.MaxRows || len(got) < 40000 && len(stats.Partial) == 0 {
			t.Errorf("byte %d: %d events, partial: %v", at, len(got), stats.Partial)
		}
	}
	if missing < 10 {
		t.Errorf("only %d flips cost anything", missing)
	}
}

// TestVerifyHead: Verify finds damage of either head, though all can be read.
func TestVerifyHead(t *testing.T) {
	dir, keys := t.TempDir(), keyRing(t, "1")
	s := mustOpen(t, dir, Config{Keys: keys, Encrypt: true})
	put(t, s, 1, 11)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, segmentName(1))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := func(at, want int) {
		t.Helper()
		raw := slices.Clone(whole)
		if at >= 0 {
			raw[at] ^= 1
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReadOnly(dir, Config{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		wantIDs(t, r, "*", 1, 11)
		v, err := r.Verify(t.Context(), func(d Damage) {
			if d.File != segmentName(1) || d.Block != -1 || !errors.Is(d.Err, vault.ErrDamaged) {
				t.Errorf("byte %d: %+v", at, d)
			}
		}, nil)
		if err != nil || v.Damaged != want {
			t.Errorf("byte %d: %d damaged parts, %v", at, v.Damaged, err)
		}
	}
	f(-1, 0)
	f(0, 1)
	f(20, 1)
	f(64, 1)
	f(100, 1)
}
