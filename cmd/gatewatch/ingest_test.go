package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
)

// fakeTarget keeps records as a server does. After dies batches it is gone.
type fakeTarget struct {
	last   map[queue.Epoch]uint64
	stored []string
	dies   int
}

var errGone = errors.New("gone")

func (t *fakeTarget) position(_ context.Context, g *queue.Group) (uint64, error) {
	return t.last[g.Epoch], nil
}

func (t *fakeTarget) put(_ context.Context, g *queue.Group) (n uint64, err error) {
	if t.dies--; t.dies < 0 {
		return 0, errGone
	}
	for _, r := range g.Records {
		if r.Seq > t.last[g.Epoch] {
			t.last[g.Epoch] = r.Seq
			t.stored = append(t.stored, string(r.Raw))
			n++
		}
	}
	return n, nil
}

func (t *fakeTarget) close(context.Context) error { return nil }

// TestIngestGrowingFiles writes two files that begin alike and lets them grow,
// past 4 KiB too, sometimes by a part of a line; they are renamed and compressed,
// and the client dies between batches. Each finished line of each file must have
// been stored, and if lines are only appended whole, exactly once.
func TestIngestGrowingFiles(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		whole := seed%2 == 0
		to := &fakeTarget{last: map[queue.Epoch]uint64{}}
		dir := t.TempDir()
		common := ""
		for i := range rng.IntN(60) {
			common += fmt.Sprintf("common line %d %s\n", i, strings.Repeat("c", rng.IntN(90)))
		}
		files := []string{common, common}
		for step := range 25 {
			n := rng.IntN(2)
			for i := range rng.IntN(4) {
				files[n] += fmt.Sprintf("file %d step %d line %d %s\n", n, step, i, strings.Repeat("x", rng.IntN(200)))
				if rng.IntN(6) == 0 {
					files[n] += "#Fields: a b" + fmt.Sprint(step) + "\n"
				}
			}
			content := files[n]
			if !whole {
				content = content[:len(content)-rng.IntN(len(content)/4+1)]
			}
			to.dies = rng.IntN(4)
			ingestContent(t, to, dir, fmt.Sprint(n, "-", step), content, rng.IntN(3) == 0)
		}
		to.dies = 1 << 30
		for n, content := range files {
			ingestContent(t, to, dir, fmt.Sprint(n), content, false)
		}
		checkStored(t, seed, to.stored, files, common, whole)
	}
}

func ingestContent(t *testing.T, to fileTarget, dir, name, content string, compress bool) {
	t.Helper()
	var b bytes.Buffer
	if compress {
		z := gzip.NewWriter(&b)
		z.Write([]byte(content))
		z.Close()
	} else {
		b.WriteString(content)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	format, _ := parse.Lookup("exchange.messagetracking") // one with header lines
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	cmd.SetErr(&b)
	if err := ingestFile(cmd, to, format, "s", path); err != nil && !errors.Is(err, errGone) {
		t.Fatal(err)
	}
}

func checkStored(t *testing.T, seed uint64, stored, files []string, common string, whole bool) {
	t.Helper()
	count := map[string]int{}
	for _, s := range stored {
		count[s]++
	}
	for n, content := range files {
		for line := range strings.Lines(content) {
			line = strings.TrimSuffix(line, "\n")
			most := 1
			if strings.Contains(common, line+"\n") {
				most = 2 // each of the files has it
			}
			if strings.HasPrefix(line, "#") {
				continue
			}
			if got := count[line]; got == 0 || whole && got > most {
				t.Errorf("seed %d, file %d: %q was stored %d times", seed, n, line, got)
			}
		}
	}
}
