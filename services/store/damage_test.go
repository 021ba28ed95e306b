package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestDamageInTies damages a block whose rows share one time, so that their ids
// are needed to order them, and whose ids are paged text.
func TestDamageInTies(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Config{})
	const rows = 2000
	events := numbered(1, rows+1)
	for i := range events {
		events[i].Time = testTime.UnixNano()
		events[i].ID = fmt.Sprintf("document %d of the sender", i)
	}
	if err := s.Write(t.Context(), Batch{Events: events, First: 1, Next: rows + 1}); err != nil {
		t.Fatal(err)
	}
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
	partial := 0
	for at := 64; at < len(whole); at += 97 {
		raw := slices.Clone(whole)
		raw[at] ^= 0x10
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReadOnly(dir, Config{})
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		for _, query := range []string{"*", "* | keep message", "* | where event.sequence > 0 | limit 5000", "* | sort event.sequence"} {
			got, stats := ids(t, r, query)
			if len(stats.Partial) > 0 {
				partial++
			} else if len(got) != rows {
				t.Fatalf("byte %d: %s finds %d events, and no word of it", at, query, len(got))
			}
		}
		r.Close()
	}
	if partial == 0 {
		t.Error("no damage was seen")
	}
}
