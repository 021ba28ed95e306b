package sieve

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// pauseRule stands for one that looks at the time.
func pauseRule(id int) Rule {
	return Rule{ID: id, Phase: 2, Pause: true, Stays: true, Raw: fmt.Sprintf("SecRule UNIQUE_ID \"@inTime\" \"id:%d,phase:2,t:none,pass,nolog\"", id)}
}

func knownRule(id int) Rule {
	return Rule{ID: id, Phase: 2, Common: true, Raw: fmt.Sprintf("SecRule ARGS \"@rx a\" \"id:%d,phase:2,t:none\"", id)}
}

// TestPausesComeInTime makes rule sets and requests up: between two pauses that stay
// there are no more rules to be evaluated than pauseEvery.
func TestPausesComeInTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	stay, all := 0, 0
	for range 300 {
		var rules []Rule
		for id := 1; id < 400; id++ {
			switch kind := r.IntN(8); {
			case id%pauseEvery == 1:
				rules = append(rules, pauseRule(id))
			case kind < 2:
				rules = append(rules, Rule{ID: id, Phase: 2 + kind, Raw: "SecRule OTHER \"@x y\" \"id:1\""})
			default:
				rules = append(rules, knownRule(id))
			}
		}
		p := Compile(rules, nil).phases[2]
		w := &work{phase: p, candidates: make([]bool, len(p.ids))}
		share := r.IntN(100)
		for i := range w.candidates {
			w.candidates[i] = p.ids[i]%pauseEvery != 1 && r.IntN(100) < share
		}
		w.restAt(levels - 1)
		left := func(id int) bool { i := slices.Index(p.ids, id); return i < 0 || w.candidates[i] }
		since := 0 // rules to be evaluated since a pause that stays
		for _, rule := range rules {
			switch {
			case rule.Phase != 2 || !left(rule.ID) && !rule.Pause:
			case !rule.Pause:
				if since++; since > pauseEvery {
					t.Fatalf("%d rules without a look at the time before rule %d", since, rule.ID)
				}
			default:
				all++
				if left(rule.ID) {
					stay++
					since = 0
				}
			}
		}
	}
	if stay == 0 || stay > 2*all/3 {
		t.Errorf("%d of %d pauses stay", stay, all)
	}
}

func TestPausesOfQuickRulesAndLevels(t *testing.T) {
	f := func(level, want int, rule Rule) {
		t.Helper()
		rules := []Rule{pauseRule(1)}
		for id := 2; id <= 50; id++ {
			if id%pauseEvery == 1 {
				rules = append(rules, pauseRule(id))
				continue
			}
			rule.ID, rule.Phase = id, 2
			rules = append(rules, rule)
		}
		p := Compile(rules, nil).phases[2]
		w := &work{phase: p, candidates: make([]bool, len(p.ids))}
		for i := range w.candidates {
			w.candidates[i] = !slices.ContainsFunc(p.pauses, func(s pause) bool { return s.rule == i })
		}
		w.restAt(level)
		stay := 0
		for _, s := range p.pauses {
			if w.candidates[s.rule] {
				stay++
			}
		}
		if stay != want {
			t.Errorf("level %d, %s: %d pauses stay, want %d", level, rule.Raw, stay, want)
		}
	}
	f(1, 5, Rule{Raw: `SecRule OTHER "@x y" "id:1,phase:2"`})
	f(1, 5, knownRule(1))
	f(1, 0, Rule{Raw: `SecAction "id:1,phase:2,setvar:tx.a=1"`})
	f(1, 5, Rule{Raw: `SecAction "id:1,phase:2,chain"`})
	f(1, 0, Rule{Common: true, Raw: `SecRule TX:detection_paranoia_level "@lt 2" "id:1,phase:2,skipAfter:END"`})
	f(1, 0, Rule{Raw: `SecRule &TX:some_setting "@eq 0" "id:1,phase:2"`})
	f(1, 5, Rule{Raw: `SecRule &TX:some_setting|ARGS "@eq 0" "id:1,phase:2"`})
	f(1, 5, Rule{Raw: `SecRule TX:/some/ "@rx a" "id:1,phase:2"`})
	f(1, 0, Rule{Level: 2, Raw: `SecRule OTHER "@x y" "id:1,phase:2"`})
	f(2, 5, Rule{Level: 2, Raw: `SecRule OTHER "@x y" "id:1,phase:2"`})
}

// TestPausesAreLeftOut tells the ids of a phase whose rules cannot match, but for
// those that a rule skips by their number.
func TestPausesAreLeftOut(t *testing.T) {
	rules := []Rule{
		pauseRule(1), knownRule(2), knownRule(3), pauseRule(4),
		{ID: 5, Phase: 2, Raw: `SecRule ARGS "@rx a" "id:5,phase:2,skip:1"`},
		pauseRule(6), knownRule(7),
	}
	s := Compile(rules, nil)
	if s.Rules() != 3 {
		t.Errorf("%d rules can be left out", s.Rules())
	}
	w := &work{phase: s.phases[2], candidates: make([]bool, len(s.phases[2].ids))}
	w.restAt(1)
	var got []int
	w.tell(func(first, last int) { got = append(got, first, last) })
	if want := []int{1, 4, 7, 7}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
}
