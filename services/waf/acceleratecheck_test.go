package waf

import (
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/waf/sieve"
)

// wrongSieve takes a rule out of all requests.
func wrongSieve(id string, number int) *sieve.Sieve {
	return sieve.Compile([]sieve.Rule{{
		ID: number, Phase: 2, Common: true, Raw: `SecRule ARGS "@rx never" "id:` + id + `,phase:2,t:none"`,
	}}, nil)
}

// third chooses the third evaluation, and none chooses none.
func third(n uint64) bool { return n == 3 }
func none(uint64) bool    { return false }
func all(uint64) bool     { return true }

// TestAccelerationIsChecked gives an engine a sieve that is wrong: it takes 942100
// out of all requests.
func TestAccelerationIsChecked(t *testing.T) {
	e, err := Compile(CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.sifting.sieve = wrongSieve("942100", 942100)
	attack := benchRequest("GET", "/?id=1%27%20or%20%271%27=%271", "", "")
	failed := checksFailed.Load()
	e.sifting.checks.chosen, e.sifting.checks.time = third, patience
	for i := range 5 {
		chosen := i >= 2 // one is checked, and all after it go without acceleration
		if d := judgeOnly(t, e, attack); d.Block != chosen {
			t.Fatalf("request %d: blocked %t", i, d.Block)
		}
		if e.sifting.checks.failed.Load() != chosen {
			t.Fatalf("request %d: failed %t", i, !chosen)
		}
	}
	if n := checksFailed.Load() - failed; n != 1 {
		t.Errorf("%d failures", n)
	}
	e.sifting.checks.alone.Range(func(any, any) bool {
		t.Error("a check is left open")
		return false
	})
}

// TestFlowIsChecked takes a rule out that does not match: where another is skipped by
// its number that moves on to one that does, which only a second evaluation shows.
func TestFlowIsChecked(t *testing.T) {
	s := CorpusSettings()
	s.RulesAfter = ownFile(t, `SecRule REQUEST_METHOD "@streq GET" "id:1,phase:2,pass,nolog,skip:1"
SecRule ARGS "@rx never" "id:2,phase:2,deny"
SecRule REQUEST_METHOD "@streq GET" "id:3,phase:2,deny,status:403"`)
	s.Accelerate = accelerateOff
	e, err := program{settings: s, before: sieveRules()}.compile()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.sifting.sieve = wrongSieve("2", 2)
	e.sifting.checks.chosen, e.sifting.checks.time = all, patience
	if d := judgeOnly(t, e, benchRequest("GET", "/", "", "")); !d.Block || !e.sifting.checks.failed.Load() {
		t.Errorf("blocked %t, failed %t", d.Block, e.sifting.checks.failed.Load())
	}
}

// TestFailedCheckIsTold has a node find out that its acceleration is wrong: it tells so in an event, once.
func TestFailedCheckIsTold(t *testing.T) {
	n := startNode(t, testConfig(t, echo(t).URL))
	sifting := n.state.Load().sites[0].engine.sifting
	sifting.sieve, sifting.checks.chosen = wrongSieve("942100", 942100), all
	sifting.checks.time = patience
	attack := n.url + "/?id=1%27%20or%20%271%27=%271"
	if resp := request(t, "GET", attack, ""); resp.StatusCode != 403 {
		t.Errorf("checked request: status %d", resp.StatusCode)
	}
	if resp := request(t, "GET", attack, ""); resp.StatusCode != 403 {
		t.Errorf("after the check: status %d", resp.StatusCode)
	}
	told := 0
	for range 3 { // two requests and the notice
		e := n.event(t)
		if e["event.action"] != "acceleration-wrong" {
			continue
		}
		told++
		if message, _ := e["message"].(string); e["waf.reason"] != "acceleration" || !strings.Contains(message, "rule 942100 ") {
			t.Errorf("notice %v", e)
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// TestChecksOfNode checks all requests to a node, with bodies of both directions,
// and finds no difference.
func TestChecksOfNode(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Sites[0].Rules.InspectResponses = true
	n := startNode(t, c)
	sifting := n.state.Load().sites[0].engine.sifting
	sifting.checks.chosen, sifting.checks.time = all, patience
	made, wrong := checksMade.Load(), checksFailed.Load()
	const form = "application/x-www-form-urlencoded"
	for _, body := range []string{"", "a=b", "id=1' or '1'='1", strings.Repeat("a=b&", 50_000)} {
		method := "POST"
		if body == "" {
			method = "GET"
		}
		request(t, method, n.url+"/?x=<script>", body, "Content-Type", form)
		request(t, method, n.url+"/page", body, "Content-Type", form)
		n.event(t)
		n.event(t)
	}
	deadline := time.Now().Add(patience)
	for checksMade.Load()-made < 4 && time.Now().Before(deadline) { // an answer may come before its evaluation is over
		request(t, "GET", n.url+"/page", "")
		n.event(t)
	}
	if got := checksMade.Load() - made; got < 4 || checksFailed.Load() != wrong {
		t.Errorf("%d checks, %d failures", got, checksFailed.Load()-wrong)
	}
}

// TestChosenEvaluations holds that the first evaluation is checked, and one of
// hundreds after it.
func TestChosenEvaluations(t *testing.T) {
	e, err := Compile(CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.sifting.checks.time = patience
	made := checksMade.Load()
	judgeOnly(t, e, benchRequest("GET", "/", "", ""))
	if n := checksMade.Load() - made; n != 1 {
		t.Errorf("%d checks of the first request", n)
	}
	var s checks
	tx := e.begin("1", time.Now, nil)
	defer tx.release()
	chosen := 0
	for range 100 * checkEvery {
		if s.begin(tx.state) {
			chosen++
		}
	}
	if chosen < 50 || chosen > 200 { // 5 standard deviations
		t.Errorf("%d of %d are chosen", chosen, 100*checkEvery)
	}
}

// TestOutcomesVary holds that a request for which Coraza alone has several outcomes
// is no difference unless acceleration blocks otherwise.
func TestOutcomesVary(t *testing.T) {
	j := func(block bool, rest string) judged { return judged{block: block, rest: rest} }
	f := func(alone, fast []judged, want bool) {
		t.Helper()
		if got := varies(alone, fast); got != want {
			t.Errorf("%v and %v: %t", alone, fast, got)
		}
	}
	f([]judged{j(true, "a"), j(true, "a")}, []judged{j(true, "b")}, false)
	f([]judged{j(true, "a"), j(true, "b")}, []judged{j(true, "c"), j(true, "d")}, true)
	f([]judged{j(true, "a"), j(true, "b")}, []judged{j(true, "c"), j(false, "d")}, false)
	f([]judged{j(true, "a"), j(false, "b")}, []judged{j(true, "c"), j(false, "d")}, true)
}

func TestDifferingRule(t *testing.T) {
	f := func(a, b []int, want int) {
		t.Helper()
		if got := differing(a, b); got != want {
			t.Errorf("%v and %v: %d, want %d", a, b, got, want)
		}
	}
	f([]int{1, 2, 3}, []int{1, 3}, 2)
	f([]int{1}, []int{1, 2}, 2)
	f([]int{1, 2}, []int{1}, 2)
	f([]int{1}, []int{1}, 0)
	f([]int{2}, []int{1}, 1)
}
