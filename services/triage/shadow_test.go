package triage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/vault"
	"github.com/gatewatch/gatewatch/services/waf"
)

// shadowBench is a desk with a library of copies.
type shadowBench struct {
	*bench
	ring   *vault.Ring
	sealer *kept.Sealer
	judged []string // ids of the copies
	ringOf func() (*vault.Ring, error)
}

func openShadow(tb testing.TB) *shadowBench {
	tb.Helper()
	b := &shadowBench{bench: open(tb)}
	master, err := vault.EnsureMaster(filepath.Join(tb.TempDir(), "master.key"))
	if err != nil {
		tb.Fatal(err)
	}
	if b.ring, err = vault.Open(filepath.Join(tb.TempDir(), "keys.json"), master); err != nil {
		tb.Fatal(err)
	}
	b.ringOf = func() (*vault.Ring, error) { return b.ring, nil }
	if b.sealer, err = kept.NewSealer(b.ringOf, b.Now); err != nil {
		tb.Fatal(err)
	}
	return b
}

// shadow makes a shadow as a server does when it starts.
func (b *shadowBench) shadow(perMinute int) *Shadow {
	b.tb.Helper()
	c := Config{Shadow: ShadowConfig{PerMinute: perMinute}}.WithDefaults()
	if err := c.Validate(); err != nil {
		b.tb.Fatal(err)
	}
	return NewShadow(ShadowOptions{
		Desk: b.Desk, Config: c.Shadow, Metrics: prometheus.NewRegistry(),
		Copies: &kept.Library{Find: b.store.Requests, Ring: func() (*vault.Ring, error) { return b.ringOf() }},
		Open: func() (ShadowRules, error) {
			return func(c *kept.Copy) ([]int, error) {
				b.judged = append(b.judged, c.ID)
				if strings.Contains(c.Request.URI, "endless") {
					return nil, errors.New("time is over")
				}
				return []int{920273, 934120, 942432}, nil
			}, nil
		},
	})
}

// counted is what a shadow counts: copies of a result, or seconds for "".
func (b *shadowBench) counted(s *Shadow, result string) (sum float64) {
	b.tb.Helper()
	families, err := s.Metrics.(*prometheus.Registry).Gather()
	if err != nil {
		b.tb.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if labels := m.GetLabel(); len(labels) == 0 && result == "" || len(labels) == 1 && labels[0].GetValue() == result {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func (b *shadowBench) round(s *Shadow, want int) {
	b.tb.Helper()
	if n, err := s.Round(b.tb.Context()); err != nil || n != want {
		b.tb.Fatalf("%d judged, %v, want %d", n, err, want)
	}
}

// request stores a decision a number of minutes ago, and the copy of its request.
func (b *shadowBench) request(id, why string, minutes int, p float64, uri string, edit func(*kept.Copy)) {
	b.tb.Helper()
	at := began.Add(-time.Duration(minutes) * time.Minute).Add(123456789)
	decision := "allow"
	if why == kept.Blocked {
		decision = "block"
	}
	var e event.Event
	line := fmt.Sprintf(`{"waf.site":"shop","waf.decision":%q,"url.path":"/a","client.ip":"192.0.2.7","http.request.id":%q,"verdict.p_attack":%v,"verdict.kind":"pattern","verdict.model":"m"}`, decision, "r-"+id, p)
	if err := e.UnmarshalJSON([]byte(line)); err != nil {
		b.tb.Fatal(err)
	}
	e.ID, e.Source, e.Time = id, "edge-1", at.UnixNano()
	c := kept.Copy{
		ID: "r-" + id, Time: at, Block: decision == "block", Why: why, Probability: 1, Faithful: true, Model: "m", PAttack: p, Kind: verdict.KindPattern,
		Request: verdict.Request{ID: "r-" + id, Site: "shop", Method: "GET", URI: uri, Proto: "HTTP/1.1", Headers: [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}}},
	}
	if edit != nil {
		edit(&c)
	}
	raw, err := c.Record()
	if err != nil {
		b.tb.Fatal(err)
	}
	sealed, err := b.sealer.Seal("edge-1", raw)
	if err != nil {
		b.tb.Fatal(err)
	}
	var copied event.Event
	if err := kept.Parse(sealed, &copied); err != nil {
		b.tb.Fatal(err)
	}
	copied.ID, copied.Source = "copy-"+id, "edge-1"
	b.write([]event.Event{e, copied})
}

// attacks stores blocks of the client that sends all requests.
func (b *shadowBench) attacks(n int) {
	b.tb.Helper()
	events := make([]event.Event, n)
	for i := range events {
		e := &events[i]
		line := fmt.Sprintf(`{"waf.site":"shop","waf.decision":"block","url.path":"/%c","client.ip":"192.0.2.7","verdict.p_attack":0.999}`, 'a'+i)
		if err := e.UnmarshalJSON([]byte(line)); err != nil {
			b.tb.Fatal(err)
		}
		e.ID, e.Source, e.Time = fmt.Sprint("attack-", i), "edge-1", began.Add(-time.Minute).UnixNano()
	}
	b.write(events)
}

// moved is what a decision was moved by, a line each.
func (b *shadowBench) moved(id string) []string {
	b.tb.Helper()
	x, err := b.Get(b.tb.Context(), Ref{ID: id})
	if err != nil {
		b.tb.Fatal(err)
	}
	return x.Latest.Evidence
}

func (b *shadowBench) rates() *RatePage {
	b.tb.Helper()
	page, err := b.Rates(b.tb.Context(), RateList{Size: 10})
	if err != nil {
		b.tb.Fatal(err)
	}
	return page
}

// TestShadow judges copies by the real rules.
func TestShadow(t *testing.T) {
	b := openShadow(t)
	sterner, err := waf.CompileSterner()
	if err != nil {
		t.Fatal(err)
	}
	defer sterner.Close()
	b.request("forged", kept.Suspect, 1, .5, "/fetch?url=http://3232235521/x", nil)
	b.request("signs", kept.Suspect, 2, .5, "/say?text=%5B%7B%28%7E%24%7E%24%7E%24%7E%29%7D%5D", nil)
	b.request("drawn", kept.Sampled, 3, .01, "/fetch?url=http://3232235521/x", nil)
	b.request("plain", kept.Sampled, 4, .01, "/", nil)
	b.request("blocked", kept.Blocked, 5, .5, "/fetch?url=http://3232235521/x", nil)
	b.request("other", kept.Suspect, 6, .5, "/fetch?url=http://3232235521/x", func(c *kept.Copy) { c.Faithful = false })
	b.request("labelled", kept.Suspect, 7, .5, "/fetch?url=http://3232235521/x", nil)
	b.label("labelled", Benign)
	before := b.rates()
	start := func() *Shadow {
		s := b.shadow(10)
		s.Open = func() (ShadowRules, error) {
			return func(c *kept.Copy) ([]int, error) {
				b.judged = append(b.judged, c.ID)
				return sterner.Rules(c, time.Minute)
			}, nil
		}
		return s
	}
	s := start()
	b.round(s, 4)
	b.round(s, 0)
	b.round(start(), 0) // after a restart
	if d := cmp.Diff([]string{"r-forged", "r-signs", "r-drawn", "r-plain"}, b.judged); d != "" {
		t.Error(d)
	}
	const again = "|judged again at paranoia level 4: "
	for id, want := range map[string][]string{
		"forged":  {"shadow rules|0.80" + again + "rules 934120 match, which were not in use"},
		"signs":   {"shadow rules|0.00" + again + "no rule that names an attack matches"},
		"drawn":   {"shadow rules|0.48" + again + "rules 934120 match, which were not in use"},
		"plain":   {"shadow rules|0.00" + again + "no rule that names an attack matches"},
		"blocked": nil, "other": nil, "labelled": nil,
	} {
		if d := cmp.Diff(want, b.moved(id)); d != "" {
			t.Errorf("%s: %s", id, d)
		}
	}
	x, err := b.Get(t.Context(), Ref{ID: "forged"})
	if err != nil || math.Abs(x.Now()-1/(1+math.Exp(-.8))) > 1e-9 || x.PAttack != .5 || x.Latest.PMissed != x.Now() {
		t.Errorf("%v, %+v", err, x)
	}
	if d := cmp.Diff(before, b.rates()); d != "" {
		t.Errorf("rates moved: %s", d)
	}
	if n := b.counted(s, shadowMatched); n != 2 {
		t.Errorf("%v copies are counted as matched", n)
	}
}

// TestShadowStays has evidence outlive what else becomes known, but for a label.
func TestShadowStays(t *testing.T) {
	b := openShadow(t)
	b.request("d1", kept.Suspect, 1, .5, "/", nil)
	b.round(b.shadow(1), 1)
	revised := func(want int) {
		t.Helper()
		if n, err := b.Revise(t.Context()); err != nil || n != want {
			t.Fatalf("%d revised, %v, want %d", n, err, want)
		}
	}
	revised(0)
	b.attacks(8)
	revised(1)
	if got := b.moved("d1"); len(got) != 2 || !strings.HasPrefix(got[0], "client since|") || !strings.HasPrefix(got[1], "shadow rules|0.80|") {
		t.Errorf("moved by %q", got)
	}
	revised(0)
	b.label("d1", Benign)
	if got := b.moved("d1"); len(got) != 0 {
		t.Errorf("moved by %q", got)
	}
	b.round(b.shadow(1), 0)
	if _, err := b.Undo(t.Context(), Ref{ID: "d1"}, 0, "again", "bo"); err != nil {
		t.Fatal(err)
	}
	b.round(b.shadow(1), 1)
	if got := b.moved("d1"); len(got) != 1 { // the client comes with the next look
		t.Errorf("moved by %q", got)
	}
	revised(1)
}

// TestShadowOrder takes the newest, and leaves room for the sample.
func TestShadowOrder(t *testing.T) {
	b := openShadow(t)
	for i := range 9 {
		b.request(fmt.Sprint("s", i), kept.Suspect, i, .5, "/", nil)
		b.request(fmt.Sprint("d", i), kept.Sampled, i, .5, "/", nil)
	}
	b.request("old", kept.Suspect, 25*60, .5, "/", nil)
	s := b.shadow(6)
	b.round(s, 6)
	b.round(s, 6)
	if d := cmp.Diff(strings.Fields("r-s0 r-s1 r-s2 r-s3 r-d0 r-d1 r-s4 r-s5 r-s6 r-s7 r-d2 r-d3"), b.judged); d != "" {
		t.Error(d)
	}
	b.round(b.shadow(100), 6)
}

func TestShadowSurvives(t *testing.T) {
	b := openShadow(t)
	b.round(b.shadow(9), 0) // without a copy
	b.request("d0", kept.Suspect, 1, .5, "/", func(c *kept.Copy) { c.ID = "\x01" })
	b.round(b.shadow(9), 0)
	b.request("long", kept.Suspect, 1, .5, "/endless", nil)
	b.request("d1", kept.Suspect, 2, .5, "/", nil)
	b.request("d2", kept.Suspect, 3, .5, "/", func(c *kept.Copy) { c.ID = "other" })      // no such decision
	b.request("d3", kept.Suspect, 4, .5, "/", func(c *kept.Copy) { c.ID = "a\x00\"\\b" }) // nor can there be one
	counted := func(s *Shadow, result string, want float64) {
		t.Helper()
		if n := b.counted(s, result); n != want {
			t.Errorf("%v copies are %s, want %v", n, result, want)
		}
	}
	ring := b.ringOf
	broken := errors.New("disk is full")
	b.ringOf = func() (*vault.Ring, error) { return nil, broken }
	if _, err := b.shadow(9).Round(t.Context()); !errors.Is(err, broken) {
		t.Errorf("without keys: %v", err)
	}
	b.ringOf = func() (*vault.Ring, error) { return nil, nil }
	s := b.shadow(9)
	b.round(s, 0)
	counted(s, shadowUnreadable, 2)
	counted(s, shadowUnknown, 3)
	b.ringOf = ring
	s = b.shadow(9)
	s.Open = func() (ShadowRules, error) { return nil, broken }
	if _, err := s.Round(t.Context()); !errors.Is(err, broken) {
		t.Errorf("without rules: %v", err)
	}
	s = b.shadow(9)
	b.round(s, 2)
	counted(s, shadowFailed, 1)
	if got := b.moved("long"); len(got) != 1 || !strings.HasPrefix(got[0], "shadow rules|0.00|") {
		t.Errorf("moved by %q", got)
	}
	b.round(b.shadow(9), 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := b.shadow(9).Round(ctx); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v after the end", n, err)
	}
}

// TestShadowShare has each step followed by nine times as much rest.
func TestShadowShare(t *testing.T) {
	b := openShadow(t)
	b.request("d1", kept.Suspect, 1, .5, "/", nil)
	s := b.shadow(1)
	now := began
	b.Now = func() time.Time { now = now.Add(time.Millisecond); return now }
	var rested time.Duration
	s.rest = func(_ context.Context, d time.Duration) { rested += d }
	b.round(s, 1)
	worked := b.counted(s, "")
	if worked < .002 || math.Abs(rested.Seconds()-9*worked) > 1e-6 {
		t.Errorf("%v s of work, %v of rest", worked, rested)
	}
}

func TestConfig(t *testing.T) {
	cases := 0
	f := func(c ShadowConfig, want string) {
		t.Helper()
		cases++
		if err := (Config{c}).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
	f(ShadowConfig{Share: -1, PerMinute: 1}, "shadow.share")
	f(ShadowConfig{Share: 1.5, PerMinute: 1}, "shadow.share")
	f(ShadowConfig{Share: math.NaN(), PerMinute: 1}, "shadow.share")
	f(ShadowConfig{Share: 1, PerMinute: -1}, "shadow.per_minute")
	f(ShadowConfig{Share: 1, PerMinute: 1001}, "shadow.per_minute")
	if err := (Config{}).WithDefaults().Validate(); err != nil || cases == 0 {
		t.Error(err)
	}
}

// TestShadowIsOfTheNode: a log that names the request of a node gets no evidence of
// its copy, and takes none from the decision of the node.
func TestShadowIsOfTheNode(t *testing.T) {
	b := openShadow(t)
	b.request("m", kept.Suspect, 5, 0.6, "/a", nil)
	var forged []event.Event
	for _, id := range []string{"a", "z"} {
		e := event.Event{ID: id, Source: "edge-1", Time: began.Add(-5 * time.Minute).Add(123456789).UnixNano()}
		e.AddText(event.GatewatchWAF, event.WAFByLog)
		e.AddText(event.WAFDecision, "allow")
		e.AddText(event.HTTPRequestID, "r-m")
		e.Add(event.VerdictPAttack, event.Float(0.6))
		forged = append(forged, e)
	}
	b.write(forged)
	b.round(b.shadow(10), 1)
	for id, want := range map[string]uint64{"a": 0, "m": 1, "z": 0} {
		if x, err := b.Get(t.Context(), Ref{ID: id}); err != nil || x.Revision != want {
			t.Errorf("%s: %+v, %v", id, x, err)
		}
	}
}
