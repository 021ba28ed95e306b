package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
)

// asideSuffix is between the name of the folder of a log and the time at which it
// was set aside.
const asideSuffix = ".damaged-"

// SetAside renames the folder of a damaged log, so that a new one can begin in
// its place, and returns the new name. What it holds stays for whoever looks
// into it, and [Verify] of the data folder names it for as long as it is there.
func SetAside(dir string, now time.Time) (name string, err error) {
	name = filepath.Base(dir) + asideSuffix + now.UTC().Format("20060102T150405.000000000Z")
	if err := os.Rename(dir, filepath.Join(filepath.Dir(dir), name)); err != nil {
		return "", fmt.Errorf("set audit log aside: %w", err)
	}
	return name, durable.SyncDir(filepath.Dir(dir))
}

// Aside returns the names of the logs that were set aside in a data folder.
func Aside(data string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(data, Dir+asideSuffix+"*"))
	if err != nil {
		return nil, fmt.Errorf("look for damaged audit logs: %w", err)
	}
	for i, p := range paths {
		paths[i] = filepath.Base(p)
	}
	return paths, nil
}
