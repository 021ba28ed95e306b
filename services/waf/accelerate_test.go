package waf

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

var accelerateCorpus = flag.String("accelerate-corpus", "", "folder of *.jsonl.gz whose requests TestAccelerateCorpus judges with and without acceleration at all paranoia levels")

var accelerateEvery = flag.Int("accelerate-every", 1, "take every so manieth request of the folder")

var accelerateFrom = flag.Int("accelerate-from", 0, "which of -accelerate-every requests is taken, from 0")

func outcome(t testing.TB, e *Engine, r *verdict.Request) judged {
	t.Helper()
	v := e.begin(r.ID, time.Now, slog.New(slog.DiscardHandler))
	defer v.release()
	if err := v.guarded(func() error { return v.corpus(r) }); err != nil {
		t.Fatalf("%s: %v", r.ID, err)
	}
	return v.judged()
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
		e.sifting.checks.chosen = none // a check would compare Coraza with itself
		*how.engine = e
	}
	return p
}

const (
	// runs are how often Coraza alone judges a request that fares differently: it
	// agrees with itself if all are alike.
	runs = 5
	// moreRuns are made of a request that it agreed with itself about, since an
	// outcome that is rare may not be among the first.
	moreRuns = 400
	// many outcomes within moreRuns say that there are others, which were not seen.
	many = 10
)

// agreement is how the outcomes of one request compare.
type agreement int

const (
	equal   agreement = iota
	open              // Coraza alone has several outcomes within its runs (UPSTREAM.md, transformation cache)
	rare              // it has several within moreRuns, the accelerated one among them, or many
	differs           // acceleration makes a difference
)

// compare judges a request both ways; diff is "" unless the outcomes differ. An
// open outcome of acceleration must block as one of Coraza alone does.
func (p pair) compare(t testing.TB, r *verdict.Request) (a agreement, diff string) {
	t.Helper()
	got, want := outcome(t, p.fast, r), outcome(t, p.plain, r)
	if got.equal(want) {
		return equal, ""
	}
	diff = fmt.Sprintf("%s: accelerated %+v\nplain %+v", r.ID, got, want)
	several, blocksSo := false, want.block == got.block
	for range runs - 1 {
		again := outcome(t, p.plain, r)
		several = several || !again.equal(want)
		blocksSo = blocksSo || again.block == got.block
	}
	if several && blocksSo {
		return open, diff
	}
	seen := map[string]bool{}
	for range moreRuns {
		again := outcome(t, p.plain, r)
		blocksSo = blocksSo || again.block == got.block
		if seen[again.rest] = true; again.equal(got) || (several || len(seen) >= many) && blocksSo {
			return rare, diff
		}
	}
	return differs, diff
}

// agreements counts the agreements of many requests.
type agreements [differs + 1]int

func (c *agreements) add(t testing.TB, p pair, r *verdict.Request) {
	t.Helper()
	a, diff := p.compare(t, r)
	c[a]++
	switch a {
	case rare:
		if t.Logf("rare: %s", diff); c[rare] > c.mostRare() {
			t.Errorf("%d requests are rare: more than chance", c[rare])
		}
	case differs:
		t.Errorf("%s %.300s %.2000q %.2000q\n%s", r.Method, r.URI, r.Headers, r.Body, diff)
	}
}

// mostRare bounds how many requests may count as rare, since an error of acceleration
// could hide among them.
func (c agreements) mostRare() int {
	return 3 + (c[equal]+c[open]+c[rare]+c[differs])/50
}

func (c agreements) String() string {
	return fmt.Sprintf("%d equal, Coraza alone has several outcomes for %d within %d runs and for %d within %d, %d differ",
		c[equal], c[open], runs, c[rare], moreRuns, c[differs])
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
			if n++; n%every != *accelerateFrom%every {
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
	for paranoia := 1; paranoia <= MaxParanoia; paranoia++ {
		t.Run(fmt.Sprint("paranoia ", paranoia), func(t *testing.T) {
			s := CorpusSettings()
			s.Paranoia = paranoia
			p := compilePair(t, s)
			var c agreements
			for _, r := range all {
				c.add(t, p, r)
			}
			t.Logf("%d requests: %s", len(all), c)
		})
	}
}
