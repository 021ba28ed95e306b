package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAttackTags(t *testing.T) {
	f := func(tag, tactic, technique string) {
		t.Helper()
		want := [2][]string{}
		if tactic != "" {
			want[0] = []string{tactic}
		}
		if technique != "" {
			want[1] = []string{technique}
		}
		tactics, techniques := attack([]string{tag, tag})
		if diff := cmp.Diff(want, [2][]string{tactics, techniques}); diff != "" {
			t.Errorf("%s: %s", tag, diff)
		}
	}
	f("attack.stealth", "TA0005", "")
	f("attack.defense-evasion", "TA0005", "")
	f("attack.defense_evasion", "TA0005", "")
	f("attack.defense-impairment", "TA0112", "")
	f("attack.Command-and-Control", "TA0011", "")
	f("attack.t1685", "", "T1685")
	f("attack.T1110.003", "", "T1110.003")
	f("attack.g0007", "", "")
	f("attack.tool", "", "")
	f("cve.2021-44228", "", "")
}
