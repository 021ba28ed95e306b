package pipeline

import (
	"os"
	"path/filepath"
	"testing"
)

// A data folder has one seed, which is not that of another.
func TestSeed(t *testing.T) {
	f := func(dir string) uint64 {
		t.Helper()
		seed, err := seedIn(dir)
		if err != nil {
			t.Fatal(err)
		}
		return seed
	}
	a, b := filepath.Join(t.TempDir(), "detect"), filepath.Join(t.TempDir(), "detect")
	one, other := f(a), f(b)
	if one == 0 || one == other || one != f(a) || other != f(b) {
		t.Errorf("seeds %d and %d, then %d and %d", one, other, f(a), f(b))
	}
	if err := os.WriteFile(filepath.Join(a, seedFile), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := f(a); again == 0 || again != f(a) {
		t.Errorf("after the file was damaged: %d, then %d", again, f(a))
	}
	if seed, err := seedIn(filepath.Join(a, seedFile)); err == nil || seed == 0 {
		t.Errorf("seed %d in a folder that cannot be: %v", seed, err)
	}
}
