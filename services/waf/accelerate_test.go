package waf

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

var accelerateCorpus = flag.String("accelerate-corpus", "", "folder of *.jsonl.gz whose requests TestAccelerateCorpus judges with and without acceleration at all paranoia levels")

var accelerateEvery = flag.Int("accelerate-every", 1, "take every so manieth request of the folder")

// judged is all that acceleration must not change.
type judged struct {
	block bool
	rest  string
}

func outcome(t testing.TB, e *Engine, r *verdict.Request) judged {
	t.Helper()
	v := e.begin(r.ID, time.Now, slog.New(slog.DiscardHandler))
	defer v.release()
	if err := v.guarded(func() error { return v.corpus(r) }); err != nil {
		t.Fatalf("%s: %v", r.ID, err)
	}
	d := v.decide()
	var rules []string
	for _, m := range v.tx.MatchedRules() {
		rules = append(rules, fmt.Sprintf("%d×%d", m.Rule().ID(), len(m.MatchedDatas())))
	}
	slices.Sort(rules)
	slices.Sort(d.Scoring)
	return judged{d.Block, fmt.Sprint(d.Status, d.Score, d.Outbound, d.Denied, d.PolicyOnly, d.Scoring, rules)}
}

// pair is an engine with and one without acceleration.
type pair struct{ plain, fast *Engine }

func compilePair(t testing.TB, s Settings) pair {
	t.Helper()
	var p pair
	for _, how := range []struct {
		engine     **Engine
		accelerate string
	}{{&p.plain, accelerateOff}, {&p.fast, accelerateOn}} {
		s.Accelerate = how.accelerate
		e, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		*how.engine = e
	}
	return p
}

// repeats is how often a request is judged by Coraza alone until it counts as one
// that Coraza agrees with itself about.
const repeats = 40

// compare tells how a request fares differently, "" if it does not. Coraza alone
// gives some requests one of several outcomes (UPSTREAM.md, transformation cache);
// of those the rules may differ, and open is true.
func (p pair) compare(t testing.TB, r *verdict.Request) (diff string, open bool) {
	t.Helper()
	got, want := outcome(t, p.fast, r), outcome(t, p.plain, r)
	if got == want {
		return "", false
	}
	for range repeats {
		again := outcome(t, p.plain, r)
		if again == got {
			return "", true
		}
		open = open || again != want
		if again.block == got.block && open {
			return "", true
		}
	}
	return fmt.Sprintf("%s: accelerated %+v\nplain %+v", r.ID, got, want), open
}

// corpusRequests reads all requests of a folder, or of one file in it.
func corpusRequests(t testing.TB, folder, pattern string, every int) []*verdict.Request {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	var all []*verdict.Request
	n := 0
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			if n++; n%every != 0 {
				continue
			}
			r := &verdict.Request{}
			if err := verdict.ReadRequest(lines.Bytes(), r); err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return all
}

// TestAccelerateCorpus compares the decisions over a folder of requests, which is
// not part of the repository.
func TestAccelerateCorpus(t *testing.T) {
	if *accelerateCorpus == "" {
		return
	}
	all := corpusRequests(t, *accelerateCorpus, "*.jsonl.gz", *accelerateEvery)
	for paranoia := 1; paranoia <= 4; paranoia++ {
		t.Run(fmt.Sprint("paranoia ", paranoia), func(t *testing.T) {
			s := CorpusSettings()
			s.Paranoia = paranoia
			p := compilePair(t, s)
			undecided := 0
			for _, r := range all {
				diff, open := p.compare(t, r)
				if diff != "" {
					t.Error(diff)
				}
				if open {
					undecided++
				}
			}
			t.Logf("%d requests, Coraza alone has several outcomes for %d", len(all), undecided)
		})
	}
}
