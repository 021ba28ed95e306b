package queue_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
)

// read returns the text of the records from an offset on, and the lost ones.
func read(t *testing.T, s *queue.Snapshot, from queue.Offset) (all []string, lost queue.Offset) {
	t.Helper()
	for b, err := range s.Batches(t.Context(), from) {
		var gap *queue.GapError
		if errors.As(err, &gap) {
			lost += gap.To - gap.From
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range b.Groups {
			for _, r := range g.Records {
				all = append(all, string(r.Raw))
			}
		}
	}
	return all, lost
}

func TestSnapshotBesideTheWriter(t *testing.T) {
	dir := t.TempDir()
	q, err := queue.Open(dir, queue.Config{SegmentBytes: 1}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	var want []string
	for i := range 3000 { // in several segments
		raw := fmt.Sprintf("%06d %0100d", i, i)
		want = append(want, raw)
		if _, err := q.Append(t.Context(), []queue.Group{{Records: []queue.Record{{Raw: []byte(raw)}}}}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := queue.OpenSnapshot(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(t.Context(), []queue.Group{{Records: []queue.Record{{Raw: []byte("later")}}}}); err != nil {
		t.Fatal(err)
	}
	for _, from := range []queue.Offset{0, 1, 777, 3000, 3001, 9000} {
		got, lost := read(t, s, from)
		if n := min(max(int(from), 1), len(want)+1); !slices.Equal(got, want[n-1:]) || lost != 0 {
			t.Errorf("from %d: %d records, %d lost, want %d", from, len(got), lost, len(want)-n+1)
		}
	}
}

// TestSnapshotOfATornWrite reads up to a frame that is half written, as beside
// a writer, and changes no file.
func TestSnapshotOfATornWrite(t *testing.T) {
	dir := t.TempDir()
	q, err := queue.Open(dir, queue.Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := q.Append(t.Context(), []queue.Group{{Records: []queue.Record{{Raw: fmt.Append(nil, i)}}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(names) != 1 {
		t.Fatalf("segments %v: %v", names, err)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(whole)/3; cut++ {
		if err := os.WriteFile(names[0], whole[:len(whole)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := queue.OpenSnapshot(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, lost := read(t, s, 1); !slices.Equal(got, []string{"0", "1"}) || lost != 0 {
			t.Fatalf("without the last %d bytes: %v, %d lost", cut, got, lost)
		}
	}
	if _, err := queue.OpenSnapshot(filepath.Join(dir, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("snapshot of no log: %v", err)
	}
}
