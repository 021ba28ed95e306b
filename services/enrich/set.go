package enrich

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/gatewatch/gatewatch/services/durable"
)

// noData is the fingerprint of a set without files.
const noData = "none"

// Set is the data that events are enriched with. It does not change.
type Set struct {
	Fingerprint string
	Files       []File
	Problems    []error // why files of the configuration are not in it, or an older copy is

	geoip  []*maxminddb.Reader
	assets assets
}

// Assets returns the number of rows of all tables.
func (s *Set) Assets() int { return s.assets.rows }

// File is a file of a set. The set has a copy of its own, so whatever happens to
// the file, what events were enriched with is known.
type File struct {
	Kind string `json:"kind"` // geoip or assets
	Path string `json:"path"` // of the file that it is a copy of
	Copy string `json:"copy"` // name of the copy: SHA-256 and suffix
}

const (
	kindGeoIP  = "geoip"
	kindAssets = "assets"
)

// fingerprint names a list of files by kind and content: 128 bits of a SHA-256.
func fingerprint(files []File) string {
	if len(files) == 0 {
		return noData
	}
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s %s\n", f.Kind, f.Copy)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// kept is the folder of the sets that were in use, and of their files.
type kept string

const setSuffix = ".json"

func (d kept) path(name string) string { return filepath.Join(string(d), name) }

// save makes the list of a set durable. Its files are.
func (d kept) save(s *Set) error {
	text, err := json.MarshalIndent(s.Files, "", "\t")
	if err == nil {
		err = durable.WriteFile(d.path(s.Fingerprint+setSuffix), append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("save enrichment data: %w", err)
	}
	return nil
}

// load reads the set of a fingerprint.
func (d kept) load(name string) (*Set, error) {
	if name == noData || name == "" {
		return &Set{Fingerprint: noData}, nil
	}
	if raw, err := hex.DecodeString(name); err != nil || len(raw) != 16 {
		return nil, fmt.Errorf("load enrichment data %q: not a fingerprint", name)
	}
	text, err := os.ReadFile(d.path(name + setSuffix))
	if err != nil {
		return nil, fmt.Errorf("load enrichment data: %w", err)
	}
	var files []File
	if err := json.Unmarshal(text, &files); err != nil {
		return nil, fmt.Errorf("load enrichment data %s: %w", name, err)
	}
	if fingerprint(files) != name {
		return nil, fmt.Errorf("load enrichment data %s: the file lists others", name)
	}
	return d.open(files)
}

// open opens the files of a set.
func (d kept) open(files []File) (*Set, error) {
	s := &Set{Fingerprint: fingerprint(files), Files: files}
	for _, f := range files {
		if err := d.add(s, f); err != nil {
			return nil, fmt.Errorf("load enrichment data %s: %w", f.Path, err)
		}
	}
	return s, nil
}

func (d kept) add(s *Set, f File) error {
	sum, err := hashFile(d.path(f.Copy), io.Discard)
	if err != nil {
		return err
	}
	if sum != strings.TrimSuffix(f.Copy, filepath.Ext(f.Copy)) {
		return errors.New("the copy is damaged")
	}
	return s.add(f, d.path(f.Copy))
}

// add adds the content of a file, which is at a path.
func (s *Set) add(f File, path string) error {
	if f.Kind == kindGeoIP {
		db, err := openGeo(path)
		s.geoip = append(s.geoip, db)
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return s.assets.readAssets(f.Path, text)
}

// hashFile copies a file to w and returns its SHA-256 in hexadecimal digits.
func hashFile(path string, w io.Writer) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(h, w), io.LimitReader(f, maxFileBytes+1))
	if err == nil && n > maxFileBytes {
		err = fmt.Errorf("%s has more than %d MiB", path, maxFileBytes>>20)
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// maxFileBytes bounds a file of data.
const maxFileBytes = 4 << 30

// take copies a file into the folder, unless it is there, and checks it.
func (d kept) take(kind, path string) (File, error) {
	f := File{Kind: kind, Path: path}
	sum, err := hashFile(path, io.Discard)
	if err != nil {
		return f, err
	}
	f.Copy = sum + filepath.Ext(path)
	if _, err := os.Stat(d.path(f.Copy)); err == nil {
		return f, nil // it was checked when it came
	}
	var wrong error // with the file, not with the copy
	err = durable.Write(d.path(f.Copy), 0o600, func(w *os.File) error {
		copied, err := hashFile(path, w)
		if err == nil && copied != sum {
			err = errors.New("it changes while it is read")
		}
		if err == nil {
			err = checkFile(kind, w.Name(), path)
		}
		wrong = err
		return err
	})
	if wrong != nil {
		err = wrong
	}
	return f, err
}

// checkFile tells what is wrong with a file, of which path is the name to say.
func checkFile(kind, file, path string) error {
	if kind == kindGeoIP {
		_, err := CheckGeoIP(file)
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return new(assets).readAssets(path, text)
}

// prune removes all but the newest sets and those since a time, and the files
// that none of them has.
func (d kept) prune(keep int, since time.Time) error {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return fmt.Errorf("prune enrichment data: %w", err)
	}
	var sets []os.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) == setSuffix {
			sets = append(sets, info)
		}
	}
	slices.SortFunc(sets, func(a, b os.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	used := map[string]bool{}
	for i, info := range sets {
		if i >= keep && info.ModTime().Before(since) {
			break
		}
		var files []File
		text, err := os.ReadFile(d.path(info.Name()))
		if err == nil {
			err = json.Unmarshal(text, &files)
		}
		if err != nil {
			return fmt.Errorf("prune enrichment data: %w", err) // rather keep too much
		}
		used[info.Name()] = true
		for _, f := range files {
			used[f.Copy] = true
		}
	}
	var errs []error
	for _, e := range entries {
		if name := e.Name(); !used[name] && len(strings.TrimSuffix(name, filepath.Ext(name))) >= 32 {
			errs = append(errs, os.Remove(d.path(name)))
		}
	}
	return errors.Join(errs...)
}
