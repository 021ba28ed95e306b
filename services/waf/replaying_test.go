package waf

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
)

// replayCopies yields n requests, of which each third one is an injection.
func replayCopies(n int) iter.Seq2[*kept.Copy, error] {
	return func(yield func(*kept.Copy, error) bool) {
		for i := range n {
			q := verdict.Request{
				ID: fmt.Sprint(i), Method: "GET", URI: "/catalog/books?page=2&sort=price", Proto: "HTTP/1.1",
				Headers: [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}},
			}
			if i%3 == 0 {
				q.URI = "/catalog?q=1%27%20OR%20%271%27=%271"
			}
			if !yield(&kept.Copy{ID: q.ID, Request: q}, nil) {
				return
			}
		}
	}
}

func testReplayer(t testing.TB) *Replayer {
	t.Helper()
	engine, err := Compile(CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	return &Replayer{Candidate: engine.RulesOf, Baseline: engine.RulesOf}
}

func TestReplayerKeepsTheOrder(t *testing.T) {
	r := testReplayer(t)
	n := 0
	err := r.Run(t.Context(), replayCopies(60), func(x Replayed) error {
		if want := fmt.Sprint(n); x.Copy.ID != want || x.Err != nil || x.After.Block != (n%3 == 0) || x.Copy.Block != x.After.Block {
			t.Errorf("%+v, want request %s", x, want)
		}
		n++
		return nil
	})
	if err != nil || n != 60 {
		t.Errorf("%d requests, %v", n, err)
	}
}

func TestReplayerEnds(t *testing.T) {
	r := testReplayer(t)
	stop := errors.New("stop")
	if err := r.Run(t.Context(), replayCopies(1<<30), func(Replayed) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.Run(ctx, replayCopies(1<<30), func(Replayed) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	broken := func(yield func(*kept.Copy, error) bool) { yield(nil, stop) }
	if err := r.Run(t.Context(), broken, nil); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// BenchmarkReplay compares a replay on one processor with the rules alone, which
// judge the same requests.
func BenchmarkReplay(b *testing.B) {
	r := testReplayer(b)
	r.Workers = 1
	alone := CorpusSettings()
	alone.Accelerate = accelerateOff
	engine, err := program{settings: alone, endless: true}.compile()
	if err != nil {
		b.Fatal(err)
	}
	decided := func(c *kept.Copy) *kept.Copy { c.Ruleset = "x"; return c }
	b.Run("coraza", func(b *testing.B) {
		for c := range replayCopies(b.N) {
			if err := corazaAlone(engine, &decided(c).Request); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("replay", func(b *testing.B) {
		copies := func(yield func(*kept.Copy, error) bool) {
			for c := range replayCopies(b.N) {
				if !yield(decided(c), nil) {
					return
				}
			}
		}
		if err := r.Run(b.Context(), copies, func(x Replayed) error { return x.Err }); err != nil {
			b.Fatal(err)
		}
	})
}

// corazaAlone is the least that judging a request takes.
func corazaAlone(e *Engine, q *verdict.Request) error {
	tx := e.waf.NewTransactionWithID(q.ID)
	tx.ProcessConnection("192.0.2.1", 12345, "192.0.2.2", 80)
	tx.ProcessURI(q.URI, q.Method, q.Proto)
	for _, h := range q.Headers {
		tx.AddRequestHeader(h[0], h[1])
	}
	tx.ProcessRequestHeaders()
	if _, err := tx.ProcessRequestBody(); err != nil {
		return err
	}
	return tx.Close()
}
