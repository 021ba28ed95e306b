package waf

import (
	"testing"

	"github.com/gatewatch/gatewatch/services/waf/sieve"
)

// TestAccelerationIsChecked gives an engine a sieve that is wrong: it takes 942100
// out of all requests.
func TestAccelerationIsChecked(t *testing.T) {
	e, err := Compile(CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.sifting.sieve = sieve.Compile([]sieve.Rule{{
		ID: 942100, Phase: 2, Common: true, Raw: `SecRule ARGS "@rx never" "id:942100,phase:2,t:none"`,
	}}, nil)
	attack := benchRequest("GET", "/?id=1%27%20or%20%271%27=%271", "", "")
	failed := checksFailed.Load()
	for i := range 2 * checkEvery {
		chosen := i >= checkEvery-1
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
