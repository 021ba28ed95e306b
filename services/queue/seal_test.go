package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
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

// TestEncrypted turns encryption on, off and on again: records are read however
// they were written, no encrypted one stands in a file, and without the key
// nothing is passed over.
func TestEncrypted(t *testing.T) {
	dir, keys := t.TempDir(), keyRing(t, "1")
	var want []string
	for round := range 3 {
		q, err := queue.Open(dir, queue.Config{SegmentBytes: 1, Keys: keys, Encrypt: round != 1}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			raw := fmt.Sprintf("round %d record %06d %0500d", round, i, i)
			want = append(want, raw)
			if _, err := q.Append(t.Context(), []queue.Group{{Source: "alice", Records: []queue.Record{{ID: "bob", Raw: []byte(raw)}}}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := queue.OpenSnapshot(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	if got, lost := read(t, s, 0); !slices.Equal(got, want) || lost != 0 {
		t.Errorf("%d records, %d lost, want %d", len(got), lost, len(want))
	}
	plain := 0
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		plain += bytes.Count(b, []byte("alice"))
		if bytes.Contains(b, []byte("round 0")) || bytes.Contains(b, []byte("round 2")) {
			t.Fatalf("%s holds an encrypted record", name)
		}
	}
	if plain != 500 {
		t.Errorf("%d records in plain text, want the 500 of the second round", plain)
	}

	for name, keys := range map[string]*vault.Ring{"no": nil, "other": keyRing(t, "2")} {
		if q, err := queue.Open(dir, queue.Config{Keys: keys}, nil, nil); err == nil {
			q.Close()
			t.Errorf("opened with %s keys", name)
		}
		s, err := queue.OpenSnapshot(dir, keys)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err = range s.Batches(t.Context(), 0) {
			if err != nil {
				break
			}
			n++
		}
		if n != 0 || err == nil || errors.As(err, new(*queue.GapError)) {
			t.Errorf("%s keys: %d batches, then %v", name, n, err)
		}
	}
}

// TestEncryptedDamage flips a bit in each frame but the last: those are gaps,
// and all else is read.
func TestEncryptedDamage(t *testing.T) {
	dir, keys := t.TempDir(), keyRing(t, "1")
	q, err := queue.Open(dir, queue.Config{Keys: keys, Encrypt: true}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := q.Append(t.Context(), []queue.Group{{Records: []queue.Record{{Raw: bytes.Repeat([]byte("x"), 1000)}}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for frame := range 20 {
		if frame%3 == 0 {
			b[frame*(len(b)/20)+queue.HeaderSize+frame*17] ^= 4
		}
	}
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := queue.OpenSnapshot(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	if got, lost := read(t, s, 0); len(got) != 13 || lost != 7 {
		t.Errorf("%d records, %d lost", len(got), lost)
	}
}
