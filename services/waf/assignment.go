package waf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// assignment is which bundles a node uses, and why. It does not change.
type assignment struct {
	Offer     bundle.Offer `json:"offer"`
	Withdrawn bool         `json:"withdrawn"` // the node has taken it back by itself
	Fallback  string       `json:"fallback"`  // bundle that was the stable one before, "" for the node's own rules

	stable, candidate *bundle.Bundle // nil for none
}

// names returns the names of the bundles in use, "" for none.
func (a *assignment) names() (stable, candidate string) {
	switch {
	case a == nil:
		return "", ""
	case !a.Withdrawn:
		return a.Offer.Stable, a.Offer.Candidate
	case a.Offer.Candidate != "":
		return a.Offer.Stable, ""
	}
	return a.Fallback, ""
}

// serial is that of the offer, 0 without one.
func (a *assignment) serial() uint64 {
	if a == nil {
		return 0
	}
	return a.Offer.Serial
}

// load reads the bundles that are in use: from texts by name, else from a folder.
func (a *assignment) load(dir string, texts map[string][]byte) error {
	get := func(name string) (*bundle.Bundle, error) {
		if name == "" {
			return nil, nil
		}
		text := texts[name]
		if text == nil {
			var err error
			if text, err = readBundle(dir, name); err != nil {
				return nil, err
			}
		}
		return bundle.Parse(text)
	}
	stable, candidate := a.names()
	var err error
	if a.stable, err = get(stable); err != nil {
		return fmt.Errorf("stable bundle: %w", err)
	}
	if a.candidate, err = get(candidate); err != nil {
		return fmt.Errorf("candidate bundle: %w", err)
	}
	return nil
}

const assignmentFile = "assignment.json"

func bundleFile(dir, name string) string { return filepath.Join(dir, name+".json") }

// readBundle reads the text of a bundle, which must be the one it is named after.
func readBundle(dir, name string) ([]byte, error) {
	text, err := readBounded(bundleFile(dir, name), bundle.MaxBytes)
	if err == nil && bundle.Sum(text) != name {
		err = fmt.Errorf("read bundle %s: its content has another SHA-256", name)
	}
	return text, err
}

// maxAssignment bounds the file of an assignment.
const maxAssignment = 16 << 10

// readAssignment reads what save has written, nil if there is nothing.
func readAssignment(dir string) (*assignment, error) {
	text, err := readBounded(filepath.Join(dir, assignmentFile), maxAssignment)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	a := &assignment{}
	if err == nil {
		err = json.Unmarshal(text, a)
	}
	if err == nil && a.Fallback != "" && !bundle.IsSum(a.Fallback) {
		err = errors.New("fallback is not the name of a bundle")
	}
	if err != nil {
		return nil, fmt.Errorf("read bundles in use: %w", err)
	}
	return a, nil
}

// save makes an assignment durable with the texts of its bundles, and removes those
// that it does not name.
func (a *assignment) save(dir string, texts map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep bundles: %w", err)
	}
	for name, text := range texts {
		if old, err := readBundle(dir, name); err == nil && len(old) > 0 {
			continue
		}
		if err := durable.WriteFile(bundleFile(dir, name), text, 0o600); err != nil {
			return fmt.Errorf("keep bundles: %w", err)
		}
	}
	text, err := json.Marshal(a)
	if err == nil {
		err = durable.WriteFile(filepath.Join(dir, assignmentFile), append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep bundles: %w", err)
	}
	return a.prune(dir)
}

// prune removes the bundles that are not named.
func (a *assignment) prune(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("remove bundles: %w", err)
	}
	for _, e := range entries {
		name, isJSON := strings.CutSuffix(e.Name(), ".json")
		if !isJSON || !bundle.IsSum(name) || name == a.Offer.Stable || name == a.Offer.Candidate || name == a.Fallback {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove bundles: %w", err)
		}
	}
	return nil
}

// readBounded reads a file of no more than most bytes.
func readBounded(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("read %s: it has more than %d bytes", filepath.Base(path), most)
	}
	return os.ReadFile(path)
}
