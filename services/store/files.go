package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatewatch/gatewatch/services/durable"
)

// files is how a store changes its folder. Tests have one that stops.
type files interface {
	// write replaces a file, or makes it; it is durable on return, its name too,
	// or as it was before.
	write(path string, fill func(*os.File) error) error
	remove(path string) error
	// aside moves a file to the folder quarantine beside it.
	aside(path string) error
}

// osFiles are those of the operating system.
type osFiles struct{}

func (osFiles) write(path string, fill func(*os.File) error) error {
	return durable.Write(path, 0o600, fill)
}

func (osFiles) remove(path string) error { return os.Remove(path) }

func (osFiles) aside(path string) error { return moveAside(path, durable.SyncDir) }

// QuarantineName is the folder of a store that takes segments whose events it
// could not all keep or make again. Nothing removes what is in it.
const QuarantineName = "quarantine"

// moveAside moves a file to the quarantine beside it, under another name if there
// is one of its own already. The move is durable on return.
func moveAside(path string, sync func(dir string) error) error {
	dir := filepath.Join(filepath.Dir(path), QuarantineName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make quarantine: %w", err)
	}
	to := filepath.Join(dir, filepath.Base(path))
	for n := 1; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, os.ErrNotExist) {
			break
		} else if err != nil {
			return fmt.Errorf("look at quarantine: %w", err)
		}
		to = filepath.Join(dir, fmt.Sprintf("%s.%d", filepath.Base(path), n))
	}
	if err := os.Rename(path, to); err != nil {
		return fmt.Errorf("move to quarantine: %w", err)
	}
	return errors.Join(sync(dir), sync(filepath.Dir(path)))
}
