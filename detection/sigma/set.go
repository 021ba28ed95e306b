package sigma

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Bounds on what a rule file may hold. Beyond them it is rejected.
const (
	MaxFile      = 4 << 20 // bytes of one file
	MaxFiles     = 1 << 16 // files of one set
	maxDocuments = 1 << 12 // documents of one file
	maxNodes     = 1 << 17 // YAML nodes of one document with aliases written out
	maxDepth     = 32      // nesting of one document
)

// Document is one YAML document: exactly one member is set.
type Document struct {
	Rule        *Rule
	Correlation *Correlation
	Filter      *Filter
	Err         *Error
}

// File is one rule file with its documents in order.
type File struct {
	Path      string
	Documents []Document
}

// Set is what a folder of rule files holds, in order of the paths.
type Set struct {
	Files        []File
	Rules        []*Rule
	Correlations []*Correlation
	Filters      []*Filter
	Errors       []*Error // documents that were rejected
}

// Add appends a file to the set.
func (s *Set) Add(f File) {
	s.Files = append(s.Files, f)
	for _, d := range f.Documents {
		switch {
		case d.Rule != nil:
			s.Rules = append(s.Rules, d.Rule)
		case d.Correlation != nil:
			s.Correlations = append(s.Correlations, d.Correlation)
		case d.Filter != nil:
			s.Filters = append(s.Filters, d.Filter)
		case d.Err != nil:
			s.Errors = append(s.Errors, d.Err)
		}
	}
}

// Load reads all files under root whose name ends in .yml or .yaml, but none in
// folders whose name begins with a dot. What is wrong with one document is in
// its place in the set; an error means that the folder could not be read. The
// paths of the set are those of fsys.
func Load(fsys fs.FS, root string) (*Set, error) {
	s := new(Set)
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != root && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); ext != ".yml" && ext != ".yaml" {
			return nil
		}
		if len(s.Files) >= MaxFiles {
			return fmt.Errorf("more than %d files", MaxFiles)
		}
		text, err := readFile(fsys, name)
		if err != nil {
			s.Add(File{name, []Document{{Err: &Error{Path: name, Reason: "read file: " + err.Error()}}}})
			return nil
		}
		s.Add(Parse(name, text))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	return s, nil
}

// readFile reads at most one byte more than a file may have.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// Rebase names the file and its documents by another path.
func (f *File) Rebase(path string) {
	f.Path = path
	for _, d := range f.Documents {
		if h := d.Header(); h != nil {
			h.Path = path
		}
		if d.Err != nil {
			d.Err.Path = path
		}
	}
}

// Header returns what the document has in common with others, nil if it was rejected.
func (d Document) Header() *Header {
	switch {
	case d.Rule != nil:
		return &d.Rule.Header
	case d.Correlation != nil:
		return &d.Correlation.Header
	case d.Filter != nil:
		return &d.Filter.Header
	}
	return nil
}
