package store

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestOverlay lays over a store what its writer has in memory only: both then
// find the same.
func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{})
	put(t, s, 1, 100)
	s.Close()
	s = mustOpen(t, dir, Config{})
	const n = 100 + 2*blockRows + 77
	put(t, s, 100, n)
	r, err := OpenReadOnly(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	wantIDs(t, r, "*", 1, 100)
	for at := int(r.Applied()); at < n; at += 1000 {
		to := min(at+1000, n)
		if err := r.Overlay(Batch{Events: numbered(at, to), First: uint64(at), Next: uint64(to)}); err != nil {
			t.Fatal(err)
		}
	}
	wantIDs(t, r, "*", 1, n)
	wantIDs(t, s, "*", 1, n)
	wantIDs(t, r, "event.sequence < 150 and event.sequence >= 90", 90, 150)
	if err := s.Overlay(Batch{}); err == nil {
		t.Error("events are laid over a store that is open for writing")
	}
	r.Close()
	if err := r.Overlay(Batch{}); !errors.Is(err, ErrClosed) {
		t.Errorf("overlay of a closed store: %v", err)
	}
	if got := s.Applied(); got != 100 {
		t.Errorf("the overlay changed the store: applied %d", got)
	}
}

// TestOverlayIsBounded lays text that cannot be made smaller over a store until
// it refuses, and finds what it took.
func TestOverlayIsBounded(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Config{})
	r, err := OpenReadOnly(s.dir, Config{QueryBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	noise := rand.NewChaCha8([32]byte{})
	text := make([]byte, 1<<20)
	n := 0
	for ; n < 100; n++ {
		e := numbered(n, n+1)
		noise.Read(text)
		e[0].AddText(event.Intern("labels.noise"), string(text))
		if err = r.Overlay(Batch{Events: e}); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrOverlayFull) || n < 8 || n > 32 {
		t.Fatalf("after %d MiB: %v", n, err)
	}
	if got, _ := ids(t, r, "* | keep event.id"); len(got) != n {
		t.Errorf("%d events are found, want %d", len(got), n)
	}
}
