package waf

import (
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/waf/sieve"
)

// wrongSieve takes a rule out of all requests.
func wrongSieve() *sieve.Sieve {
	return sieve.Compile([]sieve.Rule{{
		ID: 942100, Phase: 2, Common: true, Raw: `SecRule ARGS "@rx never" "id:942100,phase:2,t:none"`,
	}}, nil)
}

// TestAccelerationIsChecked gives an engine a sieve that is wrong: it takes 942100
// out of all requests.
func TestAccelerationIsChecked(t *testing.T) {
	e, err := Compile(CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.sifting.sieve = wrongSieve()
	attack := benchRequest("GET", "/?id=1%27%20or%20%271%27=%271", "", "")
	failed := checksFailed.Load()
	e.sifting.checks.begun.Store(checkEvery - 3)
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
	e.sifting.checks.open.Range(func(any, any) bool {
		t.Error("a check is left open")
		return false
	})
}

// TestFailedCheckIsTold has a node find out that its acceleration is wrong: it tells
// so in an event, once.
func TestFailedCheckIsTold(t *testing.T) {
	n := startNode(t, testConfig(t, echo(t).URL))
	sifting := n.state.Load().sites[0].engine.sifting
	sifting.sieve = wrongSieve()
	sifting.checks.begun.Store(checkEvery - 1)
	attack := n.url + "/?id=1%27%20or%20%271%27=%271"
	if resp := request(t, "GET", attack, ""); resp.StatusCode != 403 {
		t.Errorf("checked request: status %d", resp.StatusCode)
	}
	sifting.checks.begun.Store(checkEvery - 1)
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
		if message, _ := e["message"].(string); e["waf.reason"] != "acceleration" || !strings.Contains(message, "rule 942100,") {
			t.Errorf("notice %v", e)
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// TestCheckOfRanges holds that what matched before a rule was left out is no
// difference.
func TestCheckOfRanges(t *testing.T) {
	c := &check{}
	c.note(942100, 942180, 3)
	c.note(941100, 941100, 3)
	f := func(id, at int, want bool) {
		t.Helper()
		if got := c.leavesOut(id, at); got != want {
			t.Errorf("rule %d after %d others: %t", id, at, got)
		}
	}
	f(942150, 3, true)
	f(942180, 7, true)
	f(942150, 2, false)
	f(942190, 3, false)
	f(941100, 3, true)
	f(941110, 3, false)
}
