package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOrderOfSyncs looks at what is there at each sync: the new content before it
// has its name, then the name.
func TestOrderOfSyncs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	content := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			return "nothing"
		}
		return string(b)
	}
	broken := errors.New("broken")
	f := func(failing int, want ...string) {
		t.Helper()
		var got []string
		sync := func(f *os.File) error {
			what := f.Name()
			if what != dir {
				what = content(what)
			} else {
				what = "folder"
			}
			got = append(got, "sync of "+what+" while the name has "+content(path))
			if len(got) == failing {
				return broken
			}
			return nil
		}
		err := write(path, 0o600, func(f *os.File) error {
			_, err := f.WriteString("new")
			return err
		}, sync)
		if errors.Is(err, broken) != (failing > 0) {
			t.Errorf("sync %d fails: %v", failing, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sync %d fails: %s", failing, diff)
		}
	}
	f(1, "sync of new while the name has old")
	if got := content(path); got != "old" {
		t.Errorf("after a failed sync the file has %s", got)
	}
	f(2, "sync of new while the name has old", "sync of folder while the name has new")
	f(0, "sync of new while the name has new", "sync of folder while the name has new")
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("folder holds %v, %v", files, err)
	}
}

// TestLeftover: what a crash has left beside the file neither remains nor lends
// the new one its permissions.
func TestLeftover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path+".new", []byte("a longer one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 || info.Size() != 1 {
		t.Errorf("%v, %v", info, err)
	}
}
