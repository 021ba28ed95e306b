package rules

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Bounds of a bundle.
const (
	maxFiles = 1 << 16
	maxFile  = 4 << 20   // bytes of one file
	maxBytes = 256 << 20 // bytes of all files
)

// bundle is the text of all that decides what is found: rules, pipelines and the
// overlay, in order of their names. It is what a fingerprint stands for, so that
// old records can be judged again as they were judged.
type bundle struct {
	files  []file
	bytes  int
	unread []*sigma.Error // files that could not be read; they are not part of it
}

type file struct {
	name string
	text []byte
}

// add reads a file. Its name in the bundle is free of what the machine calls it.
func (b *bundle) add(fsys fs.FS, from, name string) error {
	text, err := readFile(fsys, from)
	if err != nil {
		return err
	}
	b.bytes += len(text)
	if len(b.files) == maxFiles || b.bytes > maxBytes {
		return errTooMuch
	}
	b.files = append(b.files, file{name, text})
	return nil
}

var errTooMuch = fmt.Errorf("there are more than %d files or %d MiB of rules", maxFiles, maxBytes>>20)

// readFile reads a regular file: another kind, such as a pipe, may never end.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d MiB", name, maxFile>>20)
	}
	return text, err
}

// addFolder adds all YAML files of a folder below a name. One that cannot be
// read is rejected like a document that is wrong; the others count.
func (b *bundle) addFolder(fsys fs.FS, below string) error {
	return eachRuleFile(fsys, func(name string, err error) error {
		if err == nil {
			err = b.add(fsys, name, path.Join(below, name))
		}
		if err == nil || errors.Is(err, errTooMuch) {
			return err
		}
		b.unread = append(b.unread, &sigma.Error{Path: path.Join(below, name), Reason: "read file: " + err.Error()})
		return nil
	})
}

// eachRuleFile calls f with all YAML files of a folder, but none in folders whose
// name begins with a dot, and with the error of what cannot be looked into.
func eachRuleFile(fsys fs.FS, f func(name string, err error) error) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch ext := path.Ext(name); {
		case err != nil && name == ".":
			return err
		case err != nil:
			return f(name, err)
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || ext != ".yml" && ext != ".yaml":
			return nil
		}
		return f(name, nil)
	})
}

// fingerprint names the bundle by its content: 128 bits of its SHA-256.
func (b *bundle) fingerprint() string {
	h := sha256.New()
	var n [8]byte
	part := func(p []byte) {
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	for _, f := range b.files {
		part([]byte(f.name))
		part(f.text)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sort puts the files in the order that counts.
func (b *bundle) sort() {
	slices.SortFunc(b.files, func(x, y file) int { return strings.Compare(x.name, y.name) })
}

// archive is the bundle as a zip file, for people to look into.
func (b *bundle) archive() ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range b.files {
		e, err := w.Create(f.name)
		if err != nil {
			return nil, err
		}
		if _, err := e.Write(f.text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// archives is the folder of the bundles that were in use.
type archives string

const archiveSuffix = ".zip"

func (d archives) path(fingerprint string) string {
	return filepath.Join(string(d), fingerprint+archiveSuffix)
}

// load reads the bundle of a fingerprint.
func (d archives) load(fingerprint string) (*bundle, error) {
	if raw, err := hex.DecodeString(fingerprint); err != nil || len(raw) != 16 {
		return nil, fmt.Errorf("load rules %q: not a fingerprint", fingerprint)
	}
	text, err := os.ReadFile(d.path(fingerprint))
	if err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return nil, fmt.Errorf("load rules %s: %w", fingerprint, err)
	}
	b := new(bundle)
	for _, f := range z.File {
		if err := b.add(z, f.Name, f.Name); err != nil {
			return nil, fmt.Errorf("load rules %s: %w", fingerprint, err)
		}
	}
	b.sort()
	if b.fingerprint() != fingerprint {
		return nil, fmt.Errorf("load rules %s: the file holds others", fingerprint)
	}
	return b, nil
}

// prune removes all but the newest bundles, and those made after a time: saved
// state of detection may still need them.
func (d archives) prune(keep int, after time.Time) error {
	names, err := filepath.Glob(d.path("*"))
	if err != nil {
		return err
	}
	type aged struct {
		name string
		unix int64
	}
	var all []aged
	for _, n := range names {
		info, err := os.Stat(n)
		if err != nil {
			return fmt.Errorf("prune rules: %w", err)
		}
		all = append(all, aged{n, info.ModTime().UnixNano()})
	}
	slices.SortFunc(all, func(a, b aged) int { return int(min(max(b.unix-a.unix, -1), 1)) })
	var errs []error
	for _, a := range all[min(keep, len(all)):] {
		if a.unix < after.UnixNano() {
			errs = append(errs, os.Remove(a.name))
		}
	}
	return errors.Join(errs...)
}
