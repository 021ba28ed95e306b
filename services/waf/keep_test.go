package waf

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/kept"
)

// sentCopy is what a test reads of the record of a copy.
type sentCopy struct {
	ID          string          `json:"http.request.id"`
	Site        string          `json:"waf.site"`
	Decision    string          `json:"waf.decision"`
	Why         string          `json:"waf.kept"`
	Probability float64         `json:"waf.sample_probability"`
	Faithful    bool            `json:"waf.replay_faithful"`
	BodyBytes   int64           `json:"http.request.body.bytes"`
	Rules       []string        `json:"rule.id"`
	Model       string          `json:"verdict.model"`
	Raw         json.RawMessage `json:"request"`
	request     verdict.Request
}

func readCopy(t testing.TB, record []byte) sentCopy {
	t.Helper()
	var c sentCopy
	if err := json.Unmarshal(record, &c); err != nil {
		t.Fatalf("%s: %v", record, err)
	}
	if err := verdict.ReadRequest(c.Raw, &c.request); err != nil {
		t.Fatal(err)
	}
	return c
}

// startKeeping runs a node whose records a collector takes.
func startKeeping(t *testing.T, replay ReplayConfig) (*running, *collector) {
	t.Helper()
	server := newCollector()
	address, _ := server.start(t, "")
	c := testConfig(t, echo(t).URL)
	c.Server.Address, c.Sites[0].Replay = address, replay
	return startNode(t, c), server
}

func TestKeepsBlockedRequests(t *testing.T) {
	n, server := startKeeping(t, ReplayConfig{Keep: keepBlocked, MaxBodyBytes: 64})
	resp := request(t, "POST", n.url+"/p?token=s3cret", "q=1'+OR+'1'='1&password=Hunter2&z=1", "Content-Type", "application/x-www-form-urlencoded",
		"Cookie", "sid=ABC", "Authorization", "Bearer abc")
	if resp.StatusCode != http.StatusForbidden {
		t.Fatalf("status %d", resp.StatusCode)
	}
	request(t, "GET", n.url+"/fine", "")
	c := readCopy(t, server.awaitCopies(t, 1)[0])
	var e map[string]any
	if err := json.Unmarshal(server.await(t, 1)[0], &e); err != nil {
		t.Fatal(err)
	}
	if c.ID == "" || c.ID != e["http.request.id"] || e["waf.sample_probability"] != 1.0 {
		t.Errorf("copy %+v of event %v", c, e)
	}
	if c.Site != "shop" || c.Decision != "block" || c.Why != kept.Blocked || c.Probability != 1 || !c.Faithful || c.BodyBytes != 35 || len(c.Rules) == 0 || c.Model == "" {
		t.Errorf("copy %+v", c)
	}
	if got := string(c.request.Body); got != "q=1'+OR+'1'='1&password=Xxxxxx0&z=1" || c.request.URI != "/p?token=x0xxxx" || c.request.Method != "POST" {
		t.Errorf("%s %s %s", c.request.Method, c.request.URI, got)
	}
	headers := map[string]string{}
	for _, h := range c.request.Headers {
		headers[h[0]] = h[1]
	}
	if headers["Host"] != "shop.example" || headers["Cookie"] != "sid=XXX" || headers["Authorization"] != "Bearer xxx" {
		t.Errorf("headers %v", c.request.Headers)
	}
}

func TestKeepsASample(t *testing.T) {
	n, server := startKeeping(t, ReplayConfig{Sample: 1, MaxBodyBytes: 4})
	request(t, "POST", n.url+"/a", "note=fine", "Content-Type", "application/x-www-form-urlencoded")
	c := readCopy(t, server.awaitCopies(t, 1)[0])
	if c.Why != kept.Sampled || c.Probability != 1 || c.Decision != "allow" || !c.Faithful || string(c.request.Body) != "note" || c.BodyBytes != 9 {
		t.Errorf("%+v %q", c, c.request.Body)
	}
}

func TestKeepsSuspects(t *testing.T) {
	n, server := startKeeping(t, ReplayConfig{Keep: keepSuspect, Suspect: 1e-9})
	request(t, "GET", n.url+"/a", "")
	if c := readCopy(t, server.awaitCopies(t, 1)[0]); c.Why != kept.Suspect || c.Probability != 1 || c.Decision != "allow" {
		t.Errorf("%+v", c)
	}
}

func TestCopyThatIsNotFaithful(t *testing.T) {
	n, server := startKeeping(t, ReplayConfig{Keep: keepBlocked})
	request(t, "POST", n.url+"/login", "password=1'+OR+'1'='1+--+", "Content-Type", "application/x-www-form-urlencoded")
	c := readCopy(t, server.awaitCopies(t, 1)[0])
	if c.Decision != "block" || c.Faithful || strings.Contains(string(c.request.Body), "OR") {
		t.Errorf("%+v %s", c, c.request.Body)
	}
	if got := counted(t, n.keeper, "gatewatch_waf_copies_unfaithful_total", "shop"); got != 1 {
		t.Errorf("unfaithful copies: %v", got)
	}
}

func TestBodyThatWasCutBeforeItWasJudged(t *testing.T) {
	server := newCollector()
	address, _ := server.start(t, "")
	config := testConfig(t, echo(t).URL)
	config.Server.Address = address
	config.Sites[0].Replay = ReplayConfig{Sample: 1}
	config.Sites[0].Mode, config.Sites[0].Rules.RequestBodyBytes = ModeDetect, 1024
	n := startNode(t, config)
	request(t, "POST", n.url+"/a", `{"a":"`+strings.Repeat("b", 4000)+`"}`, "Content-Type", "application/json")
	c := readCopy(t, server.awaitCopies(t, 1)[0])
	if !c.Faithful || len(c.request.Body) != 1024 || c.BodyBytes != 4008 {
		t.Errorf("faithful %v, %d of %d bytes", c.Faithful, len(c.request.Body), c.BodyBytes)
	}
}

// stoppedKeeper is a keeper that does not run.
func stoppedKeeper(t *testing.T) (*keeper, *site) {
	t.Helper()
	n, err := NewNode(testConfig(t, echo(t).URL), Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n.keeper, n.state.Load().sites[0]
}

// counted returns a counter by the value of one of its labels.
func counted(t *testing.T, k *keeper, name, label string) float64 {
	t.Helper()
	families, err := k.node.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetValue() == label {
					total += m.GetCounter().GetValue()
				}
			}
		}
	}
	return total
}

func dropped(t *testing.T, k *keeper, reason string) float64 {
	t.Helper()
	return counted(t, k, "gatewatch_waf_copies_dropped_total", reason)
}

func testDraft(s *site) draft {
	return draft{site: s, limit: time.Second, copy: kept.Copy{
		ID: "1", Time: time.Unix(1, 0), Why: kept.Sampled, Probability: 1,
		Request: verdict.Request{Site: "shop", Method: "GET", URI: "/", Proto: "HTTP/1.1", Headers: [][2]string{{"Host", "h.example"}}},
	}}
}

func TestKeeperWithoutRoom(t *testing.T) {
	k, site := stoppedKeeper(t)
	d := testDraft(site)
	k.room = func() bool { return false }
	k.finish(&d)
	k.room, k.put = func() bool { return true }, func([]byte) bool { return false }
	k.finish(&d)
	if got := dropped(t, k, dropSpool); got != 2 {
		t.Errorf("dropped %v", got)
	}
	k.put = func([]byte) bool { panic("boom") }
	k.finish(&d)
	if got := dropped(t, k, dropError); got != 1 {
		t.Errorf("dropped %v", got)
	}
}

func TestKeeperMakesWhatWaitsWhenItStops(t *testing.T) {
	k, site := stoppedKeeper(t)
	var records int
	k.put = func([]byte) bool { records++; return true }
	for range 3 {
		k.take(testDraft(site))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k.run(ctx)
	if records != 3 || k.take(testDraft(site)) > 0 {
		t.Errorf("%d records", records)
	}
}

func TestReplayConfig(t *testing.T) {
	f := func(c ReplayConfig, want string) {
		t.Helper()
		config := testConfig(t, "http://127.0.0.1:1")
		config.Sites[0].Replay = c
		err := config.WithDefaults().validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	f(ReplayConfig{}, "")
	f(ReplayConfig{Keep: "all"}, "sites[0].replay.keep")
	f(ReplayConfig{Sample: 2}, "replay.sample")
	f(ReplayConfig{Sample: -1}, "replay.sample")
	f(ReplayConfig{Suspect: 2}, "replay.suspect")
	f(ReplayConfig{MaxBodyBytes: 2 << 20}, "replay.max_body_bytes")
	f(ReplayConfig{Mask: []string{"--"}}, "replay.mask")
	if c := (ReplayConfig{}).withDefaults(MaskStrict); c.Keep != keepOff {
		t.Errorf("a site that masks all keeps %s", c.Keep)
	}
	if c := (ReplayConfig{}).withDefaults(MaskOff); c.Keep != keepSample {
		t.Errorf("by default %s is kept", c.Keep)
	}
}

func TestRecordsOfEachFormatTravelApart(t *testing.T) {
	copied := []byte(`{"event.dataset":"waf.request","a":1}`)
	var sent []string
	rpc := sendFunc(func(format string, first uint64, n int) {
		sent = append(sent, format+" "+string(rune('0'+first))+"+"+string(rune('0'+n)))
	})
	if err := sendRecords(rpc, 1, [][]byte{[]byte("{}"), copied, copied, []byte("{}"), []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(sent, ", "); got != "coraza.waf 1+1, waf.request 2+2, coraza.waf 4+2" {
		t.Error(got)
	}
}

// sendFunc is a stream that takes batches.
type sendFunc func(format string, first uint64, n int)

func (f sendFunc) Send(m *gatewatchv1.StreamRequest) error {
	b := m.GetBatch()
	f(b.GetFormat(), b.GetFirstSequence(), len(b.GetRecords()))
	return nil
}
