package storetest

import (
	"flag"
	"math/rand/v2"
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

// TestRandom demands that the generated queries are good ones and that many of
// them find something: otherwise they compare nothing.
func TestRandom(t *testing.T) {
	RunRandom(t, 100, func(*testing.T) Store { return Naive() })
	asked, refused, empty := 0, 0, 0
	for seed := range uint64(50) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		s := Naive()
		events := g.events(60)
		if err := s.Write(events); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			asked++
			c := &Case{Query: g.query()}
			switch answer := Answer(t.Context(), s, c, events); {
			case strings.HasPrefix(answer, "error:"):
				refused++
				t.Logf("%s: %s", c.Query, answer)
			case strings.Count(answer, "\n") < 2:
				empty++
			}
		}
	}
	if refused > 0 || empty > asked/2 {
		t.Errorf("of %d queries %d are refused and %d find next to nothing", asked, refused, empty)
	}
}
