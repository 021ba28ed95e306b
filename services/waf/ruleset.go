package waf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Ruleset is another version of CRS than the one that comes with the program, or
// another set of rules in its layout. It does not change. Methods that are not
// exported stand for CRS itself on nil.
type Ruleset struct {
	name   string // of CRS, "unknown" if no rule says it
	files  map[string][]byte
	prefix string // of the names of its files: no other set has it
}

// Bounds of a rule set.
const (
	maxSetFiles = 2000
	maxSetBytes = 64 << 20
	maxSetLine  = 64 << 10 // Coraza reads a file up to a longer one, and says nothing
)

// Where the files of a rule set are, in the folder of a release of CRS.
const (
	setRules   = "rules"
	setPlugins = "plugins"
)

// setupNames are the files that may hold the set-up of CRS, the first one counts.
var setupNames = []string{"crs-setup.conf", "crs-setup.conf.example"}

var setVersion = regexp.MustCompile(`ver:'OWASP_CRS/(\d+)(\.\d+\.\d+[0-9A-Za-z.-]{0,20})'`)

// LoadRuleset reads a rule set from a folder as CRS is released: crs-setup.conf, or
// crs-setup.conf.example (the program's own if there is neither), rules/*.conf with
// their data, and plugins/*.conf in the order of their -config, -before and -after. A
// folder without rules/ holds the rules itself. Rules are like programs: one may name
// other files of this machine.
func LoadRuleset(dir string) (*Ruleset, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read rule set: %w", err)
	}
	defer func() { _ = root.Close() }() // only read
	s := &Ruleset{name: "unknown", files: map[string][]byte{}}
	folders := map[string]string{setRules: setRules, setPlugins: setPlugins}
	if _, err := root.Stat(setRules); errors.Is(err, fs.ErrNotExist) {
		folders = map[string]string{".": setRules}
	}
	bytes := 0
	for from, to := range folders {
		if err := s.load(root.FS(), from, to, &bytes); err != nil {
			return nil, fmt.Errorf("read rule set %s: %w", dir, err)
		}
	}
	for _, name := range setupNames {
		text, err := readSetFile(root.FS(), name, &bytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read rule set %s: %w", dir, err)
		}
		s.files[setupNames[0]] = text
		break
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("read rule set %s: %w", dir, err)
	}
	return s, nil
}

// load reads the rules of a folder and their data.
func (s *Ruleset) load(from fs.FS, folder, to string, bytes *int) error {
	entries, err := fs.ReadDir(from, folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if kind := path.Ext(name); e.IsDir() || kind != ".conf" && kind != ".data" || slices.Contains(setupNames, name) {
			continue
		}
		if len(s.files) == maxSetFiles {
			return fmt.Errorf("has more than %d files", maxSetFiles)
		}
		if s.files[path.Join(to, name)], err = readSetFile(from, path.Join(folder, name), bytes); err != nil {
			return err
		}
	}
	return nil
}

// readSetFile reads a file and counts its bytes.
func readSetFile(from fs.FS, name string, bytes *int) ([]byte, error) {
	f, err := from.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, maxRuleFile+1))
	switch *bytes += len(text); {
	case err != nil:
		return nil, err
	case len(text) > maxRuleFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxRuleFile)
	case *bytes > maxSetBytes:
		return nil, fmt.Errorf("has more than %d bytes", maxSetBytes)
	}
	return text, nil
}

// check finds out what the rules are, and names the set.
func (s *Ruleset) check() error {
	sum := sha256.New()
	rules := 0
	for _, name := range s.names() {
		text := s.files[name]
		fmt.Fprintf(sum, "%s %d\n", name, len(text))
		sum.Write(text)
		if path.Ext(name) != ".conf" {
			continue
		}
		for line := range bytes.Lines(text) {
			if len(line) >= maxSetLine {
				return fmt.Errorf("%s: a line has more than %d bytes", name, maxSetLine)
			}
		}
		if path.Dir(name) == setRules {
			rules++
			if m := setVersion.FindSubmatch(text); m != nil && s.name == "unknown" {
				if s.name = string(m[1]) + string(m[2]); string(m[1]) != "4" {
					return fmt.Errorf("it is CRS %s; version 4 is needed", s.name)
				}
			}
		}
	}
	if rules == 0 {
		return errors.New("there is no rules/*.conf; name the folder that a release of the Core Rule Set unpacks to")
	}
	s.prefix = "@ruleset-" + hex.EncodeToString(sum.Sum(nil)[:16]) + "/"
	return nil
}

// Version is that of CRS, "unknown" if the rules do not say it.
func (s *Ruleset) Version() string { return s.name }

func (s *Ruleset) names() []string {
	all := make([]string, 0, len(s.files))
	for name := range s.files {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// version is that of the rules.
func (s *Ruleset) version() string {
	if s == nil {
		return CRSVersion
	}
	return s.name
}

// setupFile names the set-up.
func (s *Ruleset) setupFile() string {
	if s != nil && s.files[setupNames[0]] != nil {
		return s.prefix + setupNames[0]
	}
	return "@" + setupNames[1]
}

// includes names the rules, in the order in which they are read.
func (s *Ruleset) includes() (all []string) {
	if s == nil {
		return []string{"@owasp_crs/*.conf"}
	}
	plugins := func(kind string) {
		for _, name := range s.names() {
			if path.Dir(name) == setPlugins && strings.HasSuffix(name, kind) {
				all = append(all, s.prefix+name)
			}
		}
	}
	plugins("-config.conf")
	plugins("-before.conf")
	all = append(all, s.prefix+setRules+"/*.conf")
	plugins("-after.conf")
	return all
}

// cut tells whether a file is of the set, and its name in it.
func (s *Ruleset) cut(name string) (string, bool) {
	if s == nil {
		return "", false
	}
	_, own, ok := strings.Cut(name, s.prefix)
	return own, ok
}

// glob returns the files that a pattern names.
func (s *Ruleset) glob(pattern string) (all []string, err error) {
	for _, name := range s.names() {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, s.prefix+name)
		}
	}
	return all, nil
}

// readOwn reads a file of a set.
func (f *ruleFiles) readOwn(name string) ([]byte, error) {
	text, ok := f.set.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	if path.Ext(name) == ".conf" {
		fmt.Fprintln(f.sum, f.set.prefix+name)
		if f.checkpoints != nil && name != setupNames[0] {
			return []byte(f.checkpoints.insert(string(text))), nil
		}
	}
	return slices.Clone(text), nil
}
