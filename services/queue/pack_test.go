package queue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
)

// TestPackedFramesComeBack appends lines that are alike, with and without
// encryption, and damages one frame: its records are lost and no others, and the
// rest takes much less than its length.
func TestPackedFramesComeBack(t *testing.T) {
	f := func(encrypt bool) {
		t.Helper()
		dir, keys := t.TempDir(), keyRing(t, "1")
		q, err := queue.Open(dir, queue.Config{Keys: keys, Encrypt: encrypt, TailBytes: -1}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		const frames, records = 5, 700 // more than one block each
		var want []string
		length := 0
		for k := range frames {
			g := queue.Group{Source: "a", Format: "json"}
			for i := range records {
				raw := fmt.Sprintf(`{"frame":%d,"record":%d,"path":"/index.html","agent":"%s"}`, k, i, strings.Repeat("Mozilla/5.0 ", 40))
				length += len(raw)
				want = append(want, raw)
				g.Records = append(g.Records, queue.Record{Raw: []byte(raw)})
			}
			if _, err := q.Append(t.Context(), []queue.Group{g}); err != nil {
				t.Fatal(err)
			}
			for i, r := range g.Records { // the log gave them memory of its own
				if string(r.Raw) != want[k*records+i] {
					t.Fatalf("record %d of frame %d changed while it was appended", i, k)
				}
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		whole, err := queue.OpenSnapshot(dir, keys)
		if err != nil {
			t.Fatal(err)
		}
		if got, lost := read(t, whole, 0); !slices.Equal(got, want) || lost != 0 {
			t.Errorf("%d records, %d lost, want %d", len(got), lost, len(want))
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
		if err != nil || len(files) != 1 {
			t.Fatalf("segments %v, %v", files, err)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > length/4 {
			t.Errorf("%d bytes of records take %d", length, len(b))
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := queue.OpenSnapshot(dir, keys)
		if err != nil {
			t.Fatal(err)
		}
		kept := slices.Concat(want[:2*records], want[3*records:])
		if got, lost := read(t, s, 0); !slices.Equal(got, kept) || lost != records {
			t.Errorf("%d records, %d lost, want %d and %d", len(got), lost, len(kept), records)
		}
	}
	f(false)
	f(true)
}
