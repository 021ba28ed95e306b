package waf

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// testKey is the key of the server in these tests.
var testKey = ed25519.NewKeyFromSeed([]byte("gatewatch test key of 32 bytes!!"))

// offerer is a server that offers bundles to one node.
type offerer struct {
	gatewatchv1.UnimplementedNodeServiceServer
	offers  chan *gatewatchv1.BundleOffer
	reports chan *gatewatchv1.BundleReport
	status  atomic.Pointer[gatewatchv1.NodeStatus]
}

func (o *offerer) Stream(rpc gatewatchv1.NodeService_StreamServer) error {
	if _, err := rpc.Recv(); err != nil {
		return err
	}
	var sending sync.Mutex
	send := func(m *gatewatchv1.StreamResponse) error {
		sending.Lock()
		defer sending.Unlock()
		return rpc.Send(m)
	}
	if err := send(&gatewatchv1.StreamResponse{Message: &gatewatchv1.StreamResponse_Welcome{Welcome: &gatewatchv1.Welcome{WindowBytes: 1 << 20}}}); err != nil {
		return err
	}
	var offering sync.WaitGroup
	defer offering.Wait()
	offering.Go(func() {
		for {
			select {
			case offer := <-o.offers:
				_ = send(&gatewatchv1.StreamResponse{Message: &gatewatchv1.StreamResponse_Offer{Offer: offer}}) // the test waits for the answer
			case <-rpc.Context().Done():
				return
			}
		}
	})
	for {
		m, err := rpc.Recv()
		switch {
		case err != nil:
			return err
		case m.GetStatus() != nil:
			o.status.Store(m.GetStatus())
		case m.GetReport() != nil:
			o.reports <- m.GetReport()
		}
	}
}

// newOfferer serves until the end of the test and returns its address.
func newOfferer(t testing.TB) (*offerer, string) {
	t.Helper()
	o := &offerer{offers: make(chan *gatewatchv1.BundleOffer), reports: make(chan *gatewatchv1.BundleReport, 1000)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	gatewatchv1.RegisterNodeServiceServer(s, o)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends by Stop
	}()
	t.Cleanup(func() { s.Stop(); <-done })
	return o, l.Addr().String()
}

// answer offers and wants a result.
func (o *offerer) answer(t testing.TB, offer *gatewatchv1.BundleOffer, want gatewatchv1.BundleResult) *gatewatchv1.BundleReport {
	t.Helper()
	o.offers <- offer
	return o.reported(t, offer.GetSerial(), want)
}

// reported waits for a report about an offer.
func (o *offerer) reported(t testing.TB, serial uint64, want gatewatchv1.BundleResult) *gatewatchv1.BundleReport {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case r := <-o.reports:
			if r.GetSerial() == serial && r.GetResult() == want {
				return r
			}
			if r.GetSerial() == serial && want != gatewatchv1.BundleResult_BUNDLE_RESULT_WITHDRAWN {
				t.Fatalf("offer %d: %v, want %v", serial, r, want)
			}
		case <-late:
			t.Fatalf("offer %d: no report that says %v", serial, want)
		}
	}
}

const (
	applied   = gatewatchv1.BundleResult_BUNDLE_RESULT_APPLIED
	refused   = gatewatchv1.BundleResult_BUNDLE_RESULT_REFUSED
	withdrawn = gatewatchv1.BundleResult_BUNDLE_RESULT_WITHDRAWN
)

// bundleOf makes the text of a bundle of exclusions.
func bundleOf(t testing.TB, directives ...string) []byte {
	t.Helper()
	b := &bundle.Bundle{Version: bundle.Version, CRS: CRSVersion}
	for i, d := range directives {
		b.Exclusions = append(b.Exclusions, bundle.Exclusion{ID: fmt.Sprint(i), Owner: "ann", Reason: "a test", Directive: d})
	}
	return textOf(t, b)
}

func textOf(t testing.TB, b *bundle.Bundle) []byte {
	t.Helper()
	text, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// offerOf signs an offer; a nil text is no bundle.
func offerOf(serial uint64, stable, candidate []byte, stage bundle.Stage, share int) *gatewatchv1.BundleOffer {
	name := func(text []byte) string {
		if text == nil {
			return ""
		}
		return bundle.Sum(text)
	}
	o := bundle.Offer{Node: "node1", Serial: serial, Stable: name(stable), Candidate: name(candidate), Stage: stage, Share: share}
	o.Sign(testKey)
	p := &gatewatchv1.BundleOffer{
		Node: o.Node, Serial: o.Serial, Stable: o.Stable, Candidate: o.Candidate, Stage: string(o.Stage), SharePercent: uint32(o.Share), Signature: o.Signature,
	}
	for _, text := range [][]byte{stable, candidate} {
		if text != nil {
			p.Bundles = append(p.Bundles, text)
		}
	}
	return p
}

// bundleConfig is the configuration of a node that trusts the key.
func bundleConfig(t testing.TB, upstream, server string) Config {
	c := testConfig(t, upstream)
	if server != "" {
		c.Server.Address = server
	}
	c.Bundles = BundleConfig{TrustedKeys: []string{bundle.FormatPublic(testKey.Public().(ed25519.PublicKey))}, Dir: t.TempDir()}
	c.TrustedProxies = []string{"127.0.0.0/8"}
	return c
}

const (
	allowQ     = `SecRule REQUEST_FILENAME "@streq /search" "id:9900000,phase:1,pass,nolog,ctl:ruleRemoveById=941000-942999"`
	blockShop  = `SecRule REQUEST_FILENAME "@beginsWith /cart" "id:9900001,phase:2,block,log,msg:'cart',setvar:tx.inbound_anomaly_score_pl1=+5"`
	detectNone = "SecRuleRemoveById 911000-948999"
	script     = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
)

// wantStatus asks and wants a status.
func wantStatus(t testing.TB, n *running, path string, want int) {
	t.Helper()
	if resp := request(t, "GET", n.url+path, ""); resp.StatusCode != want {
		t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
	}
}

// TestBundleStays puts a bundle in use, ends the node and starts it without a
// server: the bundle is still in use. Then it is taken away.
func TestBundleStays(t *testing.T) {
	o, address := newOfferer(t)
	c := bundleConfig(t, echo(t).URL, address)
	n := startNode(t, c)
	wantStatus(t, n, "/search"+script, 403)
	good := bundleOf(t, allowQ)
	o.answer(t, offerOf(1, good, nil, "", 0), applied)
	wantStatus(t, n, "/search"+script, 200)
	wantStatus(t, n, "/other"+script, 403)
	if s := o.status.Load(); s.GetStableBundle() != bundle.Sum(good) || s.GetBundleSerial() != 1 || s.GetSiteStatus()[0].GetMode() != "block" {
		t.Errorf("status %v", s)
	}
	n.stop()

	away := c
	away.Server.Address = freeAddress(t)
	n = startNode(t, away)
	wantStatus(t, n, "/search"+script, 200)
	wantStatus(t, n, "/other"+script, 403)
	n.stop()

	n = startNode(t, c)
	o.reported(t, 1, applied)
	o.answer(t, offerOf(2, nil, nil, "", 0), applied)
	wantStatus(t, n, "/search"+script, 403)
	n.stop()

	// One that was damaged on disk is not used, and the server hears of it.
	n = startNode(t, c)
	o.answer(t, offerOf(3, good, nil, "", 0), applied)
	n.stop()
	if err := os.WriteFile(bundleFile(c.Bundles.Dir, bundle.Sum(good)), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	n = startNode(t, c)
	o.reported(t, 3, refused)
	wantStatus(t, n, "/search"+script, 403)
	o.answer(t, offerOf(4, good, nil, "", 0), applied)
	wantStatus(t, n, "/search"+script, 200)
}

// TestBundleRefused offers what must not be used: the rules in use stay.
func TestBundleRefused(t *testing.T) {
	o, address := newOfferer(t)
	n := startNode(t, bundleConfig(t, echo(t).URL, address))
	good := bundleOf(t, allowQ)
	o.answer(t, offerOf(10, good, nil, "", 0), applied)
	serial := uint64(100)
	f := func(want string, text []byte, change func(*gatewatchv1.BundleOffer)) {
		t.Helper()
		serial++
		offer := offerOf(serial, text, nil, "", 0)
		change(offer)
		if r := o.answer(t, offer, refused); !strings.Contains(r.GetReason(), want) {
			t.Errorf("refused because %s, want %s", r.GetReason(), want)
		}
		wantStatus(t, n, "/search"+script, 200)
		wantStatus(t, n, "/other"+script, 403)
	}
	as := func(*gatewatchv1.BundleOffer) {}
	next := bundleOf(t, "SecRuleRemoveById 942100")
	f("detect nothing", bundleOf(t, detectNone, "SecRuleRemoveById 950000-958999"), as)
	f("plain GET / is blocked", textOf(t, &bundle.Bundle{Version: 1, CRS: CRSVersion, Setup: []bundle.Variable{{Name: "allowed_methods", Value: "POST"}}}), as)
	f("made for CRS 4.0.0", textOf(t, &bundle.Bundle{Version: 1, CRS: "4.0.0"}), as)
	f("not valid", []byte(`{"version":1,"crs":"4.25.0","exclusions":[{"id":"a","owner":"a","reason":"a","directive":"SecRuleEngine Off"}]}`+"\n"), as)
	f("compile rules", bundleOf(t, `SecRuleUpdateTargetById 942999 "!ARGS:x"`), as)
	f("not signed", next, func(o *gatewatchv1.BundleOffer) { o.Serial, o.Signature = serial, make([]byte, 64) })
	f("not signed", next, func(o *gatewatchv1.BundleOffer) { o.Stable = bundle.Sum(good) })
	f("node2", next, func(o *gatewatchv1.BundleOffer) { o.Node = "node2" })
	f("no such file", next, func(o *gatewatchv1.BundleOffer) { o.Bundles = [][]byte{good, []byte("x")} })
	stale := offerOf(9, next, nil, "", 0)
	if r := o.answer(t, stale, refused); !strings.Contains(r.GetReason(), "older") {
		t.Errorf("refused because %s", r.GetReason())
	}
	o.answer(t, offerOf(serial+1, next, nil, "", 0), applied)
}

// TestBundleUnderLoad changes bundles while requests run: none fails.
func TestBundleUnderLoad(t *testing.T) {
	o, address := newOfferer(t)
	n := startNode(t, bundleConfig(t, echo(t).URL, address))
	good := bundleOf(t, allowQ)
	var stop atomic.Bool
	var wait sync.WaitGroup
	var served [2]atomic.Int64
	for range 4 {
		wait.Go(func() {
			for !stop.Load() {
				switch resp := request(t, "POST", n.url+"/search"+script, "a=b", "Content-Type", "application/x-www-form-urlencoded"); resp.StatusCode {
				case 403:
					served[0].Add(1)
				case 200:
					served[1].Add(1)
				default:
					t.Errorf("status %d", resp.StatusCode)
					return
				}
			}
		})
	}
	for i := range uint64(6) {
		text := good
		if i%2 == 1 {
			text = nil
		}
		o.answer(t, offerOf(i+1, text, nil, "", 0), applied)
	}
	stop.Store(true)
	wait.Wait()
	if served[0].Load() == 0 || served[1].Load() == 0 {
		t.Errorf("served by the old and new: %d, %d", served[0].Load(), served[1].Load())
	}
}

// TestMutatedBundles gives a node 10,000 mutations of a good offer, half of them
// signed anew: what is not a bundle never takes the place of the good one.
func TestMutatedBundles(t *testing.T) {
	n := startNode(t, bundleConfig(t, echo(t).URL, ""))
	good := bundleOf(t, allowQ, "SecRuleRemoveById 942432")
	if err := n.bundles.take(offerOf(1, good, nil, "", 0)); err != nil {
		t.Fatal(err)
	}
	before := n.bundles.inUse.Load()
	other := bundleOf(t, "SecRuleRemoveById 942100", allowQ)
	random := rand.New(rand.NewPCG(1, 2))
	valid := 0
	for i := range uint64(10_000) {
		text := mutate(random, other)
		if string(text) == string(other) {
			continue
		}
		offer := offerOf(2+i, other, nil, "", 0)
		offer.Bundles = [][]byte{text}
		if i%2 == 0 {
			if _, err := bundle.Parse(text); err == nil {
				valid++ // another good one
				continue
			}
			offer = offerOf(2+i, text, nil, "", 0)
		}
		if err := n.bundles.take(offer); err == nil {
			t.Fatalf("%s\nis taken", text)
		}
	}
	if n.bundles.inUse.Load() != before || valid > 4000 {
		t.Errorf("another bundle is in use; %d mutations were valid", valid)
	}
	wantStatus(t, n, "/search"+script, 200)
	wantStatus(t, n, "/other"+script, 403)
	if kept, err := readBundle(n.bundles.dir, bundle.Sum(good)); err != nil || string(kept) != string(good) {
		t.Errorf("on disk: %s, %v", kept, err)
	}
}

// mutate changes one to four places of a text.
func mutate(random *rand.Rand, text []byte) []byte {
	b := append([]byte(nil), text...)
	for range 1 + random.IntN(4) {
		at := random.IntN(len(b))
		switch random.IntN(4) {
		case 0:
			b[at] = byte(random.IntN(256))
		case 1:
			b = append(b[:at], b[at+1:]...)
		case 2:
			end := min(len(b), at+random.IntN(20))
			b = append(b[:end:end], b[at:]...)
		default:
			b = append(b[:at:at], append([]byte{`"{}[],:\`[random.IntN(8)]}, b[at:]...)...)
		}
	}
	return b
}

// browse has so many clients ask for a page.
func browse(t testing.TB, n *running, first, clients int, path string) {
	t.Helper()
	for i := range clients {
		request(t, "GET", n.url+path, "", "X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", (first+i)/250, 1+(first+i)%250))
	}
}

// TestCanaryIsTakenBack tries a bundle out that blocks what people do: the node
// takes it back by itself, keeps it so, and tells the server.
func TestCanaryIsTakenBack(t *testing.T) {
	o, address := newOfferer(t)
	c := bundleConfig(t, echo(t).URL, address)
	n := startNode(t, c)
	bad, good := bundleOf(t, blockShop), bundleOf(t, allowQ)
	o.answer(t, offerOf(1, good, bad, bundle.StageCanary, 40), applied)
	browse(t, n, 0, 250, "/cart")
	n.bundles.watch(n.now())
	r := o.reported(t, 1, withdrawn)
	if !strings.Contains(r.GetReason(), "block rate rose from 0.0 % to 100.0 %") {
		t.Errorf("withdrawn because %s", r.GetReason())
	}
	for i := range 20 {
		if resp := request(t, "GET", n.url+"/cart", "", "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)); resp.StatusCode != 200 {
			t.Errorf("client %d: status %d", i, resp.StatusCode)
		}
	}
	n.stop()
	n = startNode(t, c)
	o.reported(t, 1, withdrawn)
	wantStatus(t, n, "/search"+script, 200)
	if s := n.status(); s.GetCandidateBundle() != "" || s.GetStableBundle() != bundle.Sum(good) {
		t.Errorf("status %v", s)
	}

	// A good one stays, and its share of the clients is about what was asked for.
	o.answer(t, offerOf(2, nil, good, bundle.StageCanary, 40), applied)
	browse(t, n, 0, 250, "/cart")
	n.bundles.watch(n.now())
	if stable, canary := n.bundles.tally.totals(); n.bundles.inUse.Load().Withdrawn || canary.Requests < 60 || canary.Requests > 140 || stable.Blocked+canary.Blocked > 0 {
		t.Errorf("stable %v, candidate %v", stable, canary)
	}
	// A bundle for all is compared with what there was before it.
	o.answer(t, offerOf(3, bad, nil, "", 0), applied)
	browse(t, n, 300, 100, "/cart")
	n.bundles.watch(n.now())
	o.reported(t, 3, withdrawn)
	wantStatus(t, n, "/cart", 200)
}

// TestShadowOnlyCounts tries a bundle out beside the rules in use.
func TestShadowOnlyCounts(t *testing.T) {
	o, address := newOfferer(t)
	n := startNode(t, bundleConfig(t, echo(t).URL, address))
	o.answer(t, offerOf(1, nil, bundleOf(t, blockShop, allowQ), bundle.StageShadow, 0), applied)
	counts := func() [3]uint64 {
		s := n.bundles.shadow
		return [3]uint64{min(1, s.same.Load()), min(1, s.blocked.Load()), min(1, s.allowed.Load())}
	}
	for late := time.Now().Add(time.Minute); counts() != [3]uint64{1, 1, 1} && time.Now().Before(late); {
		wantStatus(t, n, "/", 200)
		wantStatus(t, n, "/cart", 200)
		wantStatus(t, n, "/search"+script, 403)
	}
	if counts() != [3]uint64{1, 1, 1} {
		t.Errorf("counts %v", counts())
	}
}

// TestExclusionExpires lets time pass.
func TestExclusionExpires(t *testing.T) {
	c := bundleConfig(t, echo(t).URL, "")
	n, err := NewNode(c, Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	b := &bundle.Bundle{Version: 1, CRS: CRSVersion, Exclusions: []bundle.Exclusion{{
		ID: "a", Owner: "ann", Reason: "for a day", Directive: allowQ, Expires: time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second),
	}}}
	if err := n.bundles.take(offerOf(1, textOf(t, b), nil, "", 0)); err != nil {
		t.Fatal(err)
	}
	f := func(at time.Time, want bool) {
		t.Helper()
		n.now = func() time.Time { return at }
		n.bundles.watch(at)
		a := *obviousAttack
		a.URI = "/search" + script
		d, err := n.state.Load().sites[0].engine.JudgeRequest(t.Context(), &a)
		if err != nil || d.Block != want {
			t.Errorf("at %s: block %v, %v", at, d.Block, err)
		}
	}
	f(time.Now().Add(23*time.Hour), false)
	f(time.Now().Add(25*time.Hour), true)
}

// TestTally holds that old seconds do not count, nor one client more than its part.
func TestTally(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	y := newTally(start)
	client := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, byte(i / 250), byte(i % 250)}) }
	for i := range 100 {
		y.add(start, armStable, client(i), false, false)
		y.add(start, armCandidate, client(0), true, false)
	}
	if _, jumped := y.canary(start); jumped {
		t.Error("one client is enough")
	}
	for i := range 60 {
		y.add(start.Add(time.Second), armCandidate, client(i), true, false)
	}
	if j, jumped := y.canary(start.Add(time.Second)); !jumped {
		t.Errorf("no jump: %v", j)
	}
	if _, jumped := y.canary(start.Add(tallySpan + time.Second)); jumped {
		t.Error("what is old counts")
	}
	y.reset(start.Add(2 * time.Second))
	for i := range 60 {
		y.add(start.Add(3*time.Second), armStable, client(i), false, true)
	}
	if j, jumped := y.changed(start.Add(3 * time.Second)); !jumped || j.Rate != "error rate" {
		t.Errorf("change: %v, %v", jumped, j)
	}
	if stable, candidate := y.totals(); stable != (bundle.Counts{Requests: 60, Errors: 60}) || candidate.Requests != 0 {
		t.Errorf("totals %v, %v", stable, candidate)
	}
}
