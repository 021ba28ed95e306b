// Package architecture checks how the packages of Gatewatch depend on each other.
package architecture

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gatewatch/gatewatch/"

// layer orders the parts of the tree: a file may import parts of its own layer
// or of a lower one.
var layer = map[string]int{"test": 4, "cmd": 3, "services": 2, "detection": 1}

// wire lists the packages that may import the generated protobuf code.
var wire = []string{"services/ingest", "services/waf", "services/api", "cmd/gatewatch", "test"}

// TestImportDirection reads the imports of every file itself, so that the build
// cache cannot hide a violation.
func TestImportDirection(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		seen++
		return checkFile(t, file, filepath.ToSlash(rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Fatalf("read %d files only", seen)
	}
}

func checkFile(t *testing.T, file, rel string) error {
	src, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
	if err != nil {
		return err
	}
	from := path.Dir(rel)
	for _, spec := range f.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		to, ours := strings.CutPrefix(target, module)
		if why := forbidden(from, to, target, ours); why != "" && !strings.HasSuffix(rel, "_test.go") {
			t.Errorf("%s imports %s: %s", rel, target, why)
		}
	}
	return nil
}

func forbidden(from, to, target string, ours bool) string {
	top, _, _ := strings.Cut(from, "/")
	if !ours {
		standard := !strings.Contains(strings.SplitN(target, "/", 2)[0], ".")
		if strings.HasPrefix(from, "detection/event") && !standard {
			return "detection/event uses the standard library alone"
		}
		return ""
	}
	toTop, _, _ := strings.Cut(to, "/")
	switch {
	case toTop == "proto":
		for _, w := range wire {
			if from == w || strings.HasPrefix(from, w+"/") {
				return ""
			}
		}
		if top == "proto" {
			return ""
		}
		return "proto is for the wire only"
	case strings.HasPrefix(from, "detection/event") && !strings.HasPrefix(to, "detection/event"):
		return "detection/event is below everything"
	case layer[toTop] > layer[top]:
		return "imports point from cmd to services to detection"
	case top == "cmd" && toTop == "cmd":
		return "programs do not import each other"
	}
	return ""
}

func TestForbidden(t *testing.T) {
	f := func(from, to string, bad bool) {
		t.Helper()
		if got := forbidden(from, to, module+to, true) != ""; got != bad {
			t.Errorf("%s imports %s: forbidden is %v, want %v", from, to, got, bad)
		}
	}
	f("detection/parse", "services/store", true)
	f("detection/event", "detection/parse", true)
	f("detection/parse", "detection/event", false)
	f("services/store", "detection/event", false)
	f("services/store", "proto/gatewatch/v1", true)
	f("services/api", "proto/gatewatch/v1", false)
	f("services/api", "cmd/gatewatch", true)
	f("cmd/gatewatch", "services/api", false)
}
