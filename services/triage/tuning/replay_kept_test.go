package tuning

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// get is a request for a page of a site.
func get(id, site, uri string) *verdict.Request {
	return &verdict.Request{
		ID: id, Site: site, Method: "GET", URI: uri, Proto: "HTTP/1.1",
		Headers: [][2]string{{"Host", site + ".example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}},
	}
}

// Requests that the rules of level 1 block, those of level 2, and none.
const (
	asSearch   = "/search?q=1%27+OR+%271%27=%271"
	asTemplate = "/p?name=%7B%7B7*7%7D%7D"
	asPlain    = "/p?name=ann"
)

// byBundle are rules that let searches of the site find pass and judge the site shop at
// level 2.
func byBundle(tb testing.TB) waf.Replayer {
	tb.Helper()
	b := &bundle.Bundle{
		Version: bundle.Version, CRS: waf.CRSVersion, Sites: []bundle.Site{{Name: "shop", Paranoia: 2}},
		Exclusions: []bundle.Exclusion{{
			ID: "a", Site: "find", Owner: "ann", Reason: "x",
			Directive: `SecRule REQUEST_URI "@beginsWith /search" "id:9900100,phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetById=942100;ARGS:q"`,
		}},
	}
	if _, err := b.Encode(); err != nil {
		tb.Fatal(err)
	}
	candidate, baseline := &waf.SiteRules{Settings: waf.CorpusSettings(), Bundle: b, Now: began}, &waf.SiteRules{Settings: waf.CorpusSettings()}
	tb.Cleanup(func() {
		if err := errors.Join(candidate.Close(), baseline.Close()); err != nil {
			tb.Error(err)
		}
	})
	return waf.Replayer{Candidate: candidate.Of, Baseline: baseline.Of, Limit: waf.JudgeLimit}
}

// searches keeps what a bundle frees, blocks and leaves.
func (b *bench) searches() {
	b.tb.Helper()
	b.keep(get("freed", "find", asSearch), 0.02, nil)
	b.keep(get("released", "find", asSearch), 0.97, nil)
	b.keep(get("same", "blog", asSearch), 0.97, nil)
	b.keep(get("caught", "shop", asTemplate), 0.8, nil)
	b.keep(get("hurt", "shop", asTemplate), 0.01, nil)
	b.keep(get("plain", "shop", asPlain), 0.01, nil)
	b.keep(get("masked", "shop", asTemplate), 0.8, func(c *kept.Copy) { c.Faithful = false })
}

// small makes pages of two copies.
func (b *bench) small() *kept.Library {
	return &kept.Library{Ring: b.Copies.Ring, Find: func(ctx context.Context, q kept.Query, yield func(*event.Event) error) (kept.Page, error) {
		q.PageSize = min(q.PageSize, 2)
		return b.store.Requests(ctx, q, yield)
	}}
}

// TestReplayKept judges kept requests by a bundle, each by the rules of its site.
func TestReplayKept(t *testing.T) {
	b := openBench(t)
	b.searches()
	by := byBundle(t)
	f := func(q Replay, want ReplaySums, lines ...string) {
		t.Helper()
		var got []string
		last := ReplaySums{}
		sums, err := ReplayKept(t.Context(), b.small(), by, q, func(x *Replayed, sums *ReplaySums) error {
			if x.Err != nil {
				t.Errorf("%s: %v", x.Copy.ID, x.Err)
			}
			got = append(got, fmt.Sprint(x.Copy.ID, " ", x.Change, " ", x.Attack))
			last = *sums
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, *sums); d != "" || last.NewlyBlocked != want.NewlyBlocked || last.Unchanged != want.Unchanged {
			t.Errorf("%+v: at last %+v\n%s", q, last, d)
		}
		if d := cmp.Diff(lines, got); d != "" {
			t.Errorf("%+v: %s", q, d)
		}
	}
	f(Replay{}, ReplaySums{NewlyBlocked: Taken{1, 1}, NewlyAllowed: Taken{1, 1}, Unchanged: 2, Unfaithful: 1},
		"r-freed newly_allowed false", "r-released newly_allowed true", "r-same unchanged true",
		"r-caught newly_blocked true", "r-hurt newly_blocked false", "r-plain unchanged false")
	f(Replay{Sites: []string{"shop", "blog"}}, ReplaySums{NewlyBlocked: Taken{1, 1}, Unchanged: 2, Unfaithful: 1},
		"r-same unchanged true", "r-caught newly_blocked true", "r-hurt newly_blocked false", "r-plain unchanged false")
	f(Replay{Sites: []string{"SHOP"}}, ReplaySums{})
	f(Replay{Limit: 1}, ReplaySums{NewlyAllowed: Taken{0, 1}, Partial: []string{"there are more requests than are judged at most: the newest are taken"}},
		"r-freed newly_allowed false")
	f(Replay{From: began.Add(-100 * 1e9), To: began.Add(-50 * 1e9)}, ReplaySums{NewlyAllowed: Taken{0, 1}}, "r-freed newly_allowed false")
}

// TestReplayKeptUndecided has what no rules have decided judged by those as they come, and
// by the model of the program.
func TestReplayKeptUndecided(t *testing.T) {
	b := openBench(t)
	b.keep(get("one", "find", asSearch), 0, func(c *kept.Copy) { c.Ruleset, c.Model, c.Block = "", "", false })
	sums, err := ReplayKept(t.Context(), b.Copies, byBundle(t), Replay{}, func(x *Replayed, _ *ReplaySums) error {
		if !x.Attack || x.Copy.PAttack < Suspect || !x.Copy.Block {
			t.Errorf("%+v", x)
		}
		return nil
	})
	if want := (&ReplaySums{NewlyAllowed: Taken{1, 0}}); err != nil || !cmp.Equal(want, sums) {
		t.Errorf("%+v, %v", sums, err)
	}
}

// TestReplayKeptEnds tells what was found when its time is over, and ends with its reader.
func TestReplayKeptEnds(t *testing.T) {
	b := openBench(t)
	b.searches()
	by := byBundle(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	sums, err := ReplayKept(ctx, b.small(), by, Replay{}, func(*Replayed, *ReplaySums) error {
		cancel(ErrReplayTime)
		return nil
	})
	if err != nil || sums.NewlyAllowed.All() != 1 || !slices.Contains(sums.Partial, ErrReplayTime.Error()) {
		t.Errorf("%+v, %v", sums, err)
	}
	gone := errors.New("reader has gone")
	if _, err := ReplayKept(t.Context(), b.small(), by, Replay{}, func(*Replayed, *ReplaySums) error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	cancel(nil)
	if _, err := ReplayKept(ctx, b.small(), by, Replay{}, func(*Replayed, *ReplaySums) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	broken := errors.New("disk is gone")
	fails := &kept.Library{Ring: b.Copies.Ring, Find: func(context.Context, kept.Query, func(*event.Event) error) (kept.Page, error) {
		return kept.Page{}, broken
	}}
	if _, err := ReplayKept(t.Context(), fails, by, Replay{}, func(*Replayed, *ReplaySums) error { return nil }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestReplayKeptLarge reads pages of large copies in parts, each copy once.
func TestReplayKeptLarge(t *testing.T) {
	b := openBench(t)
	for i := range 7 {
		b.keep(get(fmt.Sprint(i), "shop", asPlain), 0, func(c *kept.Copy) {
			c.Faithful, c.Request.Body = false, bytes.Repeat([]byte("a"), 3_000_000)
		})
	}
	most := 0
	library := &kept.Library{Ring: b.Copies.Ring, Find: func(ctx context.Context, q kept.Query, yield func(*event.Event) error) (kept.Page, error) {
		n := 0
		page, err := b.store.Requests(ctx, q, func(e *event.Event) error {
			n++
			return yield(e)
		})
		most = max(most, n)
		return page, err
	}}
	sums, err := ReplayKept(t.Context(), library, byBundle(t), Replay{}, func(*Replayed, *ReplaySums) error { return nil })
	if err != nil || sums.Unfaithful != 7 || most != 6 {
		t.Errorf("%+v, %v, a page of %d", sums, err, most)
	}
}

// TestReplayCheck names what is out of range.
func TestReplayCheck(t *testing.T) {
	f := func(q Replay, want string) {
		t.Helper()
		if err := q.Check(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", q, err, want)
		}
	}
	f(Replay{Limit: -1}, "limit: ")
	f(Replay{Limit: MaxReplay + 1}, "limit: ")
	f(Replay{Sites: make([]string, MaxReplaySites+1)}, "sites: are 21")
	f(Replay{Sites: []string{""}}, "sites: ")
	if err := (&Replay{Sites: []string{`a"b\`, "shop"}, Limit: MaxReplay}).Check(); err != nil {
		t.Error(err)
	}
}
