package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
)

const (
	manifestName   = "manifest.json"
	manifestFormat = "gatewatch archive 1"
	maxManifest    = 64 << 20 // bytes
)

// Manifest says what an archive holds.
type Manifest struct {
	Format  string    `json:"format"`
	Name    string    `json:"name"`
	Schema  int       `json:"schema"`
	Created time.Time `json:"created"`
	Stream  string    `json:"stream,omitempty"`
	From    string    `json:"from,omitempty"` // range that was asked for, inclusive; RFC 3339
	To      string    `json:"to,omitempty"`   // exclusive
	Rows    int64     `json:"rows"`
	Bytes   int64     `json:"bytes"`
	First   time.Time `json:"first"` // the times of its events
	Last    time.Time `json:"last"`
	Files   []File    `json:"files"`
	// Segment is where the events are from, if retention archived a segment.
	Segment *Segment `json:"segment,omitempty"`

	dir string // of the archive
}

// Segment says which segment of a store an archive holds the events of.
type Segment struct {
	Name    string `json:"name"`    // of its file, which another store may have too
	First   uint64 `json:"first"`   // queue range: First <= offset < Next
	Next    uint64 `json:"next"`    // both 0 for events that are not of the queue
	Rows    int64  `json:"rows"`    // that the store counted in it
	Damaged int    `json:"damaged"` // blocks that could not be read; their events are missing here
	SHA256  string `json:"sha256"`  // of the file
}

// File is a Parquet file of an archive.
type File struct {
	Name   string  `json:"name"`
	Rows   int64   `json:"rows"`
	Bytes  int64   `json:"bytes"`
	SHA256 string  `json:"sha256"`
	Key    string  `json:"key,omitempty"` // id of the data key that it is encrypted with
	Groups []Group `json:"groups"`
}

// Group is a row group, with the bounds of its times in Unix nanoseconds, of
// which 0 stands for no time.
type Group struct {
	Rows  int64 `json:"rows"`
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

var (
	archiveName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$`)
	partName    = regexp.MustCompile(`^part-[0-9]{5}\.parquet$`)
)

// Errors, tested with errors.Is.
var (
	// ErrExists means that there is an archive of that name.
	ErrExists = errors.New("there is an archive of that name")
	// ErrNoEvents means that nothing was archived because there were no events.
	ErrNoEvents = errors.New("there are no events to archive")
	// ErrDamaged means that an archive is not what it was when it was made.
	ErrDamaged = errors.New("the archive is damaged")
)

// List returns the archives of a folder by name, and what is wrong with those
// that cannot be read. A folder that is not there holds none.
func List(dir string) (all []*Manifest, problems []error, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list archives: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		m, err := Open(dir, e.Name())
		if err != nil {
			problems = append(problems, err)
			continue
		}
		all = append(all, m)
	}
	return all, problems, nil
}

// Open reads the manifest of an archive.
func Open(dir, name string) (*Manifest, error) {
	m, err := readManifest(filepath.Join(dir, name))
	if err == nil && m.Name != name {
		err = fmt.Errorf("%w: its name is %s", ErrDamaged, m.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("open archive %s: %w", name, err)
	}
	return m, nil
}

func readManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestName)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxManifest {
		return nil, fmt.Errorf("%w: its manifest is too large", ErrDamaged)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &Manifest{dir: dir}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, m.check()
}

// check tells what cannot be in a manifest that was written by this package.
func (m *Manifest) check() error {
	if m.Format != manifestFormat || m.Schema < 1 {
		return fmt.Errorf("format %q of schema %d is not known", m.Format, m.Schema)
	}
	rows := int64(0)
	for i, f := range m.Files {
		inGroups := int64(0)
		for _, g := range f.Groups {
			if g.Rows < 0 {
				return fmt.Errorf("%w: a group has %d rows", ErrDamaged, g.Rows)
			}
			inGroups += g.Rows
		}
		known := slices.ContainsFunc(m.Files[:i], func(o File) bool { return o.Name == f.Name })
		if !partName.MatchString(f.Name) || known || inGroups != f.Rows {
			return fmt.Errorf("%w: the manifest does not fit together at %q", ErrDamaged, f.Name)
		}
		rows += f.Rows
	}
	if rows != m.Rows {
		return fmt.Errorf("%w: its files have %d rows, the manifest %d", ErrDamaged, rows, m.Rows)
	}
	return nil
}

func (m *Manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return durable.WriteFile(filepath.Join(dir, manifestName), append(text, '\n'), 0o600)
}
