package storetest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the answers of the naive store into the case files")

func TestNaive(t *testing.T) {
	if *update {
		updateCases(t)
		return
	}
	Run(t, func(*testing.T) Store { return Naive() })
}

func updateCases(t *testing.T) {
	for _, g := range Cases(t) {
		name := filepath.Join("testdata", g.Name+".txtar")
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := Naive()
		if err := s.Write(g.Events); err != nil {
			t.Fatal(err)
		}
		var kept []txtar.File
		for _, f := range archive.Files {
			id, kind, _ := strings.Cut(f.Name, ".")
			if kind == "want" {
				continue
			}
			kept = append(kept, f)
			for _, c := range g.Cases {
				if kind == "query" && c.Name == id {
					kept = append(kept, txtar.File{Name: id + ".want", Data: []byte(Answer(t.Context(), s, &c, g.Events))})
				}
			}
		}
		archive.Files = kept
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
