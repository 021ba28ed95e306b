package sieve

import "testing"

// TestRulesThatAreCounted holds that what may be skipped by number is left to Coraza
// up to a rule that is counted for certain, and so is an id that two rules had.
func TestRulesThatAreCounted(t *testing.T) {
	rule := func(id, phase int) Rule {
		return Rule{ID: id, Phase: phase, Common: true, Raw: `SecRule ARGS "@rx never" "id:0,t:none"`}
	}
	skip := Rule{ID: 1, Phase: 2, Common: true, Raw: `SecRule REQBODY_PROCESSOR "@streq JSON" "id:1,phase:2,skip:1"`}
	stays := func(id, phase int) Rule { return Rule{ID: id, Phase: phase, Stays: true} }
	s := Compile([]Rule{
		rule(10, 2), skip, rule(11, 2), rule(12, 2), rule(20, 1), stays(90, 1), rule(13, 2), stays(91, 2), rule(14, 2),
		rule(15, 2),
		{ID: 15, Phase: 2, Raw: `SecRule ARGS "@contains a" "id:15"`},
	}, nil)
	left := func(phase int, want ...int) {
		t.Helper()
		got := map[int]bool{}
		for _, id := range s.phases[phase].ids {
			got[id] = true
		}
		for _, id := range want {
			if !got[id] {
				t.Errorf("phase %d: %d is left to Coraza", phase, id)
			}
		}
		if len(got) != len(want) {
			t.Errorf("phase %d: can be left out: %v, want %v", phase, s.phases[phase].ids, want)
		}
	}
	left(1, 20)
	left(2, 10, 14)
}
