package backup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/vault"
)

var masterText = strings.Repeat("0123456789abcdef", 4) + "\n"

// sealedFolder is a data folder with an encrypted store, of which each write makes
// one segment.
type sealedFolder struct {
	dir  string
	ring *vault.Ring
	next uint64
}

func newSealed(t *testing.T) *sealedFolder {
	t.Helper()
	s := &sealedFolder{dir: t.TempDir(), next: 1}
	put(t, filepath.Join(s.dir, masterName), masterText)
	put(t, filepath.Join(s.dir, "rules", "x"), "x")
	s.ring = ringOf(t, s.dir)
	return s
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func ringOf(t *testing.T, dir string) *vault.Ring {
	t.Helper()
	master, err := vault.ParseMaster(masterText)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := vault.Open(filepath.Join(dir, ringName), master)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func (s *sealedFolder) write(t *testing.T, now time.Time, ids ...string) {
	t.Helper()
	c, err := store.Open(filepath.Join(s.dir, storeName), store.Config{
		MinFreeBytes: 1, RetainAge: -1, Keys: s.ring, Encrypt: true, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	b := store.Batch{First: s.next, Next: s.next + uint64(len(ids))}
	s.next = b.Next
	for i, id := range ids {
		b.Events = append(b.Events, event.Event{ID: id, Time: int64(i + 1)})
	}
	if err := errors.Join(c.Write(t.Context(), b), c.Close()); err != nil {
		t.Fatal(err)
	}
}

// restoredIDs restores a backup with keys and returns what is in its store.
func restoredIDs(t *testing.T, target string) []string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if _, err := Restore(t.Context(), target, data, nil); err != nil {
		t.Fatal(err)
	}
	c, err := store.OpenReadOnly(filepath.Join(data, storeName), store.Config{Keys: ringOf(t, data)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	q, err := query.Parse("*", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	if _, err := c.Search(t.Context(), store.SearchRequest{Query: q}, func(e *event.Event) error {
		ids = append(ids, e.ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

// meanwhile calls f once, when the rules are copied: what has no place of its own
// in the order of the parts.
func meanwhile(f func()) Options {
	return Options{Progress: func(file string, _ int64) {
		if file == "rules/x" {
			f()
		}
	}}
}

// TestKeyRenewedMeanwhile: what was encrypted with a key that was made during a
// backup can be opened from it.
func TestKeyRenewedMeanwhile(t *testing.T) {
	s, now := newSealed(t), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	s.write(t, now, "a")
	put(t, filepath.Join(s.dir, storeName, "aside", "00000000000000ff.gwseg"), "damaged")
	target := t.TempDir()
	c := mustCreate(t, s.dir, target, meanwhile(func() { s.write(t, now.AddDate(0, 0, 40), "b") }))
	if keys := len(s.ring.List()); keys != 2 {
		t.Fatalf("%d keys, want 2: nothing was renewed", keys)
	}
	if diff := cmp.Diff([]string{"a", "b"}, restoredIDs(t, target)); diff != "" {
		t.Error(diff)
	}
	if c.Unopened != nil {
		t.Error(c.Unopened)
	}
	if content(t, restored(t, target))["store/aside/00000000000000ff.gwseg"] != "damaged" {
		t.Error("what the store has set aside is not in the backup")
	}
}

// TestRetiredMeanwhile: events that leave the store for an archive during a backup
// are in one of the two.
func TestRetiredMeanwhile(t *testing.T) {
	s, now := newSealed(t), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	s.write(t, now, "a")
	put(t, filepath.Join(s.dir, "archive", "first", "manifest.json"), "m")
	put(t, filepath.Join(s.dir, "archive", "first", "part-00001.parquet"), "p")
	names := func() []string {
		all, err := filepath.Glob(filepath.Join(s.dir, storeName, "*.gwseg"))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	target := t.TempDir()
	mustCreate(t, s.dir, target, meanwhile(func() {
		deleted := make(chan struct{})
		c, err := store.Open(filepath.Join(s.dir, storeName), store.Config{
			MinFreeBytes: 1, RetainAge: time.Hour, Keys: s.ring, Now: func() time.Time { return now.AddDate(0, 0, 1) },
			Archive: func(context.Context, store.Retired) error {
				put(t, filepath.Join(s.dir, "archive", "second", "part-00001.parquet"), "p")
				put(t, filepath.Join(s.dir, "archive", "second", "manifest.json"), "m")
				return nil
			},
			Audit: func(store.Change) (func(bool), error) { return func(bool) { close(deleted) }, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		<-deleted
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}))
	if left := names(); len(left) != 0 {
		t.Fatalf("%v is left: nothing was retired", left)
	}
	data := filepath.Join(t.TempDir(), "data")
	if _, err := Restore(t.Context(), target, data, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		if !isArchive(filepath.Join(data, "archive", name)) {
			t.Errorf("archive %s is missing in the backup", name)
		}
	}
}

// TestMasterKey stays where it is unless it is asked for.
func TestMasterKey(t *testing.T) {
	s := newSealed(t)
	s.write(t, time.Unix(0, 0), "a")
	f := func(with bool) {
		t.Helper()
		target := t.TempDir()
		c := mustCreate(t, s.dir, target, Options{Master: with})
		_, in := content(t, restored(t, target))[masterName]
		if in != with || c.MasterLeftOut == with || c.Index.MasterNeeded() == with {
			t.Errorf("with it %v: in the backup %v, left out %v, needed %v", with, in, c.MasterLeftOut, c.Index.MasterNeeded())
		}
	}
	f(false)
	f(true)
	if c := mustCreate(t, still(t, "x"), t.TempDir(), Options{}); c.MasterLeftOut || c.Index.MasterNeeded() {
		t.Errorf("a folder without encryption: %+v", c)
	}
}

func restored(t *testing.T, target string) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if _, err := Restore(t.Context(), target, data, nil); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestUnopened: a file whose key the ring does not hold, or whose ring is damaged,
// is copied and named.
func TestUnopened(t *testing.T) {
	s := newSealed(t)
	s.write(t, time.Unix(0, 0), "a")
	id := s.ring.List()[0].ID
	if err := s.ring.Destroy(id); err != nil {
		t.Fatal(err)
	}
	c := mustCreate(t, s.dir, t.TempDir(), Options{})
	if len(c.Unopened) != 1 || !strings.Contains(c.Unopened[0], "store/0000000000000001.gwseg needs the data key "+id.String()) {
		t.Error(c.Unopened)
	}
	put(t, filepath.Join(s.dir, ringName), "damaged")
	if c := mustCreate(t, s.dir, t.TempDir(), Options{}); len(c.Unopened) != 2 {
		t.Error(c.Unopened)
	}
}
