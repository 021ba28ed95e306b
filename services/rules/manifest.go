package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// manifestName is the name of the manifest in a bundle.
const manifestName = "manifest.json"

// manifest is what a bundle says of its folders and files: where on the machine they
// were, so that people find what a message is about, and what findings say of rules
// by the folder that they are in. It counts in the fingerprint.
type manifest struct {
	Paths    map[string]string `json:"paths"`    // absolute, by name in the bundle
	Rulesets map[string]string `json:"rulesets"` // names of the collections, by folder of the configuration
	Licenses map[string]string `json:"licenses"` // of rules that name none, by folder
}

func newManifest() *manifest {
	return &manifest{Paths: map[string]string{}, Rulesets: map[string]string{}, Licenses: map[string]string{}}
}

// readManifest reads the manifest of a bundle; bundles of old have none.
func readManifest(text []byte) (*manifest, error) {
	m := newManifest()
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("read manifest of rules: %w", err)
	}
	return m, nil
}

// addTo puts the manifest into a bundle.
func (m *manifest) addTo(b *bundle) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write manifest of rules: %w", err)
	}
	b.files = append(b.files, file{manifestName, text})
	return nil
}

// path is what people call a file of the bundle.
func (m *manifest) path(name string) string {
	for dir := name; dir != "." && dir != "/"; dir = path.Dir(dir) {
		if p, ok := m.Paths[dir]; ok {
			return filepath.Join(p, filepath.FromSlash(strings.TrimPrefix(name, dir)))
		}
	}
	return name
}

// ruleset is the collection that a file belongs to.
func (m *manifest) ruleset(name string) string {
	for dir := name; dir != "." && dir != "/"; dir = path.Dir(dir) {
		if r, ok := m.Rulesets[dir]; ok {
			return r
		}
	}
	if folder, _, _ := strings.Cut(name, "/"); folder == packFolder {
		return "gatewatch"
	}
	return "rules"
}

// license is the licence of a file that does not name one.
func (m *manifest) license(name string) string { return m.Licenses[path.Dir(name)] }

// addFolder adds a folder of rules to a bundle, under a name.
func (m *manifest) addFolder(b *bundle, dir, name string) error {
	dir = absolute(dir)
	m.Paths[name], m.Rulesets[name] = dir, rulesetName(dir)
	fsys, first, unread := os.DirFS(dir), len(b.files), len(b.unread)
	err := b.addFolder(fsys, name)
	for _, f := range b.files[first:] {
		folder := path.Dir(f.name)
		if _, ok := m.Licenses[folder]; !ok {
			m.Licenses[folder] = collectionLicense(fsys, dir, path.Clean("."+strings.TrimPrefix(folder, name)))
		}
	}
	for _, e := range b.unread[unread:] {
		e.Path = m.path(e.Path)
	}
	return err
}

// addFile adds a file of the machine under a name.
func (m *manifest) addFile(b *bundle, name, as string) error {
	m.Paths[as] = absolute(name)
	dir, base := filepath.Split(m.Paths[as])
	return b.add(os.DirFS(dir), base, as)
}

// absolute is the whole path of a file, as far as it can be told.
func absolute(name string) string {
	if path, err := filepath.Abs(name); err == nil {
		return path
	}
	return name
}

// reasonOf leaves out of an error the path, which is that of the folder alone.
func reasonOf(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// rulesetName is what a collection of rules is called: its folder's name, or that of
// the one above where it is just called rules.
func rulesetName(dir string) string {
	if base := filepath.Base(dir); base != "rules" {
		return base
	}
	return filepath.Base(filepath.Dir(dir))
}

// collectionLicense returns the licence of a folder in a folder of rules. Where the
// latter is a part of a repository, such as sigma/rules, the licence is beside it.
func collectionLicense(fsys fs.FS, dir, folder string) string {
	dir = filepath.Clean(dir)
	if name := licenseIn(fsys, folder); name != "" || !strings.HasPrefix(filepath.Base(dir), "rules") {
		return name
	}
	return licenseFile(os.DirFS(filepath.Dir(dir)), ".")
}
