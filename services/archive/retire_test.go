package archive

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
)

// TestRetire: retention of a store archives what it deletes, once, also where a
// crash came between the two.
func TestRetire(t *testing.T) {
	dir := t.TempDir()
	write := store.Config{MinFreeBytes: 1, RetainAge: -1, Now: func() time.Time { return noon }}
	s, err := store.Open(filepath.Join(dir, "store"), write)
	if err != nil {
		t.Fatal(err)
	}
	events := []event.Event{{ID: "a", Time: noon.UnixNano()}, {ID: "b", Time: noon.UnixNano() + 1}}
	if err := errors.Join(s.Write(t.Context(), store.Batch{First: 1, Next: 3, Events: events}), s.Close()); err != nil {
		t.Fatal(err)
	}
	r := &Retirer{Dir: filepath.Join(dir, "archive"), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }}
	crash := errors.New("crash")
	f := func(after error) {
		t.Helper()
		called := make(chan error, 10)
		s, err := store.Open(filepath.Join(dir, "store"), store.Config{
			MinFreeBytes: 1, RetainAge: time.Hour, Now: func() time.Time { return noon.Add(2 * time.Hour) },
			Archive: func(ctx context.Context, x store.Retired) error {
				err := r.Archive(ctx, x)
				called <- err
				return errors.Join(err, after)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-called; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	f(crash)
	f(nil)
	all, problems, err := List(r.Dir)
	if err != nil || len(problems) != 0 || len(all) != 1 || all[0].Rows != 2 || all[0].Name != "default_20261121T120000Z_0000000000000001" {
		t.Fatalf("%v, %v, %v", all, problems, err)
	}
	if got := readAll(t, all[0], nil); len(got) != 2 || got[1].ID != "b" {
		t.Errorf("%v", got)
	}
}
