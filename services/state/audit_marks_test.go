package state

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestAuditMarks: a mark only goes on; one that was lost stays, also in the eyes
// of who reads the folder without a server, beside one, or from a read-only disk.
func TestAuditMarks(t *testing.T) {
	dir := t.TempDir()
	if all, err := ReadAuditMarks(t.Context(), dir); err != nil || all != nil {
		t.Errorf("without a state: %v, %v", all, err)
	}
	now := began
	d, err := Open(t.Context(), dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	put := func(origin string, size int64, root string) {
		t.Helper()
		now = now.Add(time.Second)
		if err := d.PutAuditMark(t.Context(), AuditMark{Origin: origin, Size: size, Root: root}); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(want ...AuditMark) {
		t.Helper()
		got, err := d.AuditMarks(t.Context())
		read, readErr := ReadAuditMarks(t.Context(), dir)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if diff := cmp.Diff(want, read); diff != "" || readErr != nil {
			t.Error(diff, readErr)
		}
	}
	put("a", 5, "five")
	put("a", 7, "seven")
	put("a", 6, "six")
	second := func(n int) time.Time { return began.Add(time.Duration(n) * time.Second) }
	holds(AuditMark{Origin: "a", Size: 7, Root: "seven", Time: second(2)})
	if err := d.LoseAuditMark(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	put("a", 2, "two")
	put("b", 1, "one")
	want := []AuditMark{
		{Origin: "a", Size: 7, Root: "seven", Time: second(2), Lost: second(3)},
		{Origin: "a", Size: 2, Root: "two", Time: second(4)},
		{Origin: "b", Size: 1, Root: "one", Time: second(5)},
	}
	holds(want...)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	readOnly(t, dir)
	got, err := ReadAuditMarks(t.Context(), dir)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// readOnly takes away the right to write to a folder, which those with all
// rights keep.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(filepath.Join(dir, FileName), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) // for the removal
}
