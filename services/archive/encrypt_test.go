package archive

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/vault"
)

// newRing makes keys in a folder.
func newRing(t *testing.T, dir string) *vault.Ring {
	t.Helper()
	master, err := vault.EnsureMaster(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := vault.Open(filepath.Join(dir, "keys.json"), master)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestEncrypted(t *testing.T) {
	dir := t.TempDir()
	ring := newRing(t, dir)
	e := &event.Event{ID: "1", Time: 1, Raw: []byte("a secret")}
	m := mustCreate(t, filepath.Join(dir, "archive"), Options{Name: "a", Encrypt: true, Keys: ring}, []*event.Event{e})
	raw, err := os.ReadFile(filepath.Join(dir, "archive", "a", m.Files[0].Name))
	if err != nil || strings.Contains(string(raw), "secret") || strings.Contains(string(raw), "PAR1") {
		t.Errorf("plain bytes, %v", err)
	}
	if got := readAll(t, m, ring); len(got) != 1 || string(got[0].Raw) != "a secret" {
		t.Errorf("%v", got)
	}
	if errs := m.Verify(t.Context(), nil); len(errs) != 1 || !strings.Contains(errs[0].Error(), "no master key is given") {
		t.Errorf("%v", errs)
	}
	if errs := m.Verify(t.Context(), ring); errs != nil {
		t.Error(errs)
	}
}

// TestSpillIsEncrypted: what is sorted of encrypted archives stands on disk as
// plain bytes nowhere, and is gone after the query.
func TestSpillIsEncrypted(t *testing.T) {
	dir, temp := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	ring := newRing(t, dir)
	spill := func(o Options) (files, plain int) {
		t.Helper()
		o.Name = "a"
		e := &event.Event{ID: "1", Time: 1}
		e.AddText(event.Message, "a secret")
		archives := filepath.Join(t.TempDir(), "archive")
		mustCreate(t, archives, o, []*event.Event{e})
		r, err := OpenReader(archives, o.Keys, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		q, err := query.Parse("* | sort message", noon)
		if err != nil {
			t.Fatal(err)
		}
		s := r.scan(q, store.SearchRequest{})
		if err := s.sorted(t.Context(), q, func(found *store.Columnar) error {
			if err := found.Close(); err != nil { // writes all that is in memory
				return err
			}
			segments, err := filepath.Glob(filepath.Join(temp, "*", "*.gwseg"))
			for _, path := range segments {
				f, openErr := os.Open(path)
				if openErr != nil {
					return openErr
				}
				sealed, sealedErr := vault.Sealed(f)
				err = errors.Join(err, sealedErr, f.Close())
				if files++; !sealed {
					plain++
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("%v is left, %v", left, err)
		}
		return files, plain
	}
	if files, plain := spill(Options{Encrypt: true, Keys: ring}); files != 1 || plain != 0 {
		t.Errorf("%d files, %d of them plain", files, plain)
	}
	if files, plain := spill(Options{}); files != 1 || plain != 1 {
		t.Errorf("of a plain archive: %d files, %d of them plain", files, plain)
	}
}
