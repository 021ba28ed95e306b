package store

import (
	"os"

	"github.com/gatewatch/gatewatch/services/durable"
)

// files is how a store changes its folder. Tests have one that stops.
type files interface {
	// write replaces a file, or makes it; it is durable on return, its name too,
	// or as it was before.
	write(path string, fill func(*os.File) error) error
	remove(path string) error
}

// osFiles are those of the operating system.
type osFiles struct{}

func (osFiles) write(path string, fill func(*os.File) error) error {
	return durable.Write(path, 0o600, fill)
}

func (osFiles) remove(path string) error { return os.Remove(path) }
