package rules

import (
	"os"
	"path"
	"path/filepath"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Load reads the rules of a folder, or one file of rules, with their paths as the
// argument begins them and, where a rule names no licence, that of its folder.
func Load(name string) (*sigma.Set, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	dir, root := name, "."
	if !info.IsDir() {
		dir, root = filepath.Split(name)
		if dir == "" {
			dir = "."
		}
	}
	fsys := os.DirFS(dir)
	set, err := sigma.Load(fsys, root)
	if err != nil {
		return nil, err
	}
	licenses, out := map[string]string{}, new(sigma.Set)
	for _, f := range set.Files {
		folder := path.Dir(f.Path)
		if _, ok := licenses[folder]; !ok {
			licenses[folder] = collectionLicense(fsys, dir, folder)
		}
		for _, d := range f.Documents {
			if h := d.Header(); h != nil && h.License == "" {
				h.License = licenses[folder]
			}
		}
		f.Rebase(filepath.Join(dir, f.Path))
		out.Add(f)
	}
	return out, nil
}
