package main

import (
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/waf"
)

// TestReplayTellsWhileItReads says how far a run is while requests are still read and
// some of them left out: it is for the race detector.
func TestReplayTellsWhileItReads(t *testing.T) {
	cmd := newWAFReplay()
	var told strings.Builder
	cmd.SetErr(&told)
	model, err := verdict.Default()
	if err != nil {
		t.Fatal(err)
	}
	r := &replayRun{cmd: cmd, flags: &wafReplayFlags{}, model: model, counts: map[string]int{}, write: func(*replayLine) error { return nil }}
	rules := &waf.SiteRules{Settings: waf.CorpusSettings()}
	defer func() {
		if err := rules.Close(); err != nil {
			t.Error(err)
		}
	}()
	request := verdict.Request{Method: "GET", URI: "/", Proto: "HTTP/1.1", Headers: [][2]string{{"Host", "shop.example"}}}
	copies := r.kept(func(yield func(*kept.Copy) error) error {
		for i := range 20 {
			if err := yield(&kept.Copy{Faithful: i%2 == 0, Request: request}); err != nil {
				return err
			}
		}
		r.unreadable.Add(1)
		return nil
	})
	replayer := waf.Replayer{Candidate: rules.Of, Baseline: rules.Of}
	if err := replayer.Run(t.Context(), copies, func(x waf.Replayed) error { return r.take(fromKept, x) }); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(told.String(), "replayed: ") {
		t.Errorf("nothing was told of the run: %q", &told)
	}
	const want = "10 unchanged, 0 failed; left out: 10 unfaithful copies, 1 that cannot be opened"
	if got := r.sums(); !strings.HasSuffix(got, want) {
		t.Errorf("sums are %q, want %q", got, want)
	}
}
