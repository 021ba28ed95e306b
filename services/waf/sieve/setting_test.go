package sieve

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// crsRules returns the rules of CRS, each in one line.
func crsRules(t testing.TB) []string {
	t.Helper()
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		text, err := fs.ReadFile(coreruleset.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(regexp.MustCompile(`\\\r?\n\s*`).ReplaceAllString(string(text), "")) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "Sec") {
				all = append(all, line)
			}
		}
	}
	if len(all) < 600 {
		t.Fatalf("%d rules in CRS", len(all))
	}
	return all
}

// TestSettingsAreSettled reads in CRS what the comparison of settings rests on.
func TestSettingsAreSettled(t *testing.T) {
	sets := regexp.MustCompile(`(?i)setvar:'?(!?)tx\.([^=,'"]+)`)
	found := 0
	for _, rule := range crsRules(t) {
		for _, m := range sets.FindAllStringSubmatch(rule, -1) {
			name := strings.ToLower(m[2])
			if strings.HasPrefix(name, "%") {
				t.Errorf("sets anything: %s", rule)
			}
			i := slices.Index(settings, name)
			if i < 0 {
				continue
			}
			found++
			if condition := "SecRule &TX:" + name + ` "@eq 0"`; m[1] != "" || i >= withDefault || !strings.HasPrefix(rule, condition) {
				t.Errorf("sets %s: %s", name, rule)
			}
		}
	}
	if found == 0 {
		t.Error("no setting has a default")
	}
}

func TestComparison(t *testing.T) {
	f := func(rule string, match bool, values ...string) {
		t.Helper()
		p, ok := parse(Rule{ID: 1, Phase: 1, Raw: rule + ` "id:1,phase:1,pass,nolog"`})
		c, compares := p.compares()
		if !ok || !compares {
			t.Errorf("%s: %t, %t", rule, ok, compares)
			return
		}
		if got := c.mayMatch(values); got != match {
			t.Errorf("%s of %q: %t", rule, values, got)
		}
	}
	f(`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"`, true, "1")
	f(`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"`, false, "2")
	f(`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"`, true)
	f(`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"`, true, "3", "1")
	f(`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"`, true, "x")
	f(`SecRule TX:BLOCKING_PARANOIA_LEVEL "@ge 2"`, false, "1")
	f(`SecRule TX:BLOCKING_PARANOIA_LEVEL "@ge 2"`, true, "2")
	f(`SecRule TX:crs_validate_utf8_encoding "@eq 1"`, false, "0")
	f(`SecRule &TX:crs_setup_version "@eq 0"`, false, "4250")
	f(`SecRule &TX:crs_setup_version "@eq 0"`, true)
	f(`SecRule &TX:blocking_paranoia_level "@eq 1"`, true) // CRS may set it on the way
	f(`SecRule &TX:ARG_LENGTH "@eq 1"`, false)
	f(`SecRule &TX:ARG_LENGTH "@eq 1"`, true, "400")
	no := func(rule string) {
		t.Helper()
		p, ok := parse(Rule{ID: 1, Phase: 1, Raw: rule + ` "id:1,phase:1,pass,nolog"`})
		if _, compares := p.compares(); ok && compares {
			t.Errorf("%s compares", rule)
		}
	}
	no(`SecRule TX:ANOMALY_SCORE "@ge 5"`)
	no(`SecRule TX:DETECTION_PARANOIA_LEVEL "!@lt 2"`)
	no(`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt %{tx.blocking_paranoia_level}"`)
	no(`SecRule TX:DETECTION_PARANOIA_LEVEL|TX:BLOCKING_PARANOIA_LEVEL "@lt 2"`)
	no(`SecRule TX:/PARANOIA_LEVEL/ "@lt 2"`)
	no(`SecRule ARGS:detection_paranoia_level "@lt 2"`)
}

// TestRanges holds that all dropped rules are told, and ranges hold no other rule
// that is still to be evaluated.
func TestRanges(t *testing.T) {
	ids := []int{30, 10, 11, 12, 20, 21, 22, 31, 40}
	rules := []Rule{{ID: 5, Phase: 1}, {ID: 13, Phase: 1}, {ID: 25, Phase: 2}, {ID: 26, Phase: 3}, {ID: 32, Phase: 0}, {ID: 0, Phase: 2}}
	for _, id := range ids {
		rules = append(rules, Rule{ID: id, Phase: 2})
	}
	f := func(candidates []int, want ...int) {
		t.Helper()
		p := &phase{ids: ids}
		p.number(2, rules)
		w := &work{phase: p, candidates: make([]bool, len(ids))}
		for _, id := range candidates {
			w.candidates[slices.Index(ids, id)] = true
		}
		var got []int
		w.tell(func(first, last int) { got = append(got, first, last) })
		if !slices.Equal(got, want) {
			t.Errorf("candidates %v: %v, want %v", candidates, got, want)
		}
	}
	f(nil, 10, 22, 30, 30, 31, 31, 40, 40) // 13 is of an earlier phase
	f([]int{12}, 10, 10, 11, 11, 20, 22, 30, 30, 31, 31, 40, 40)
	f([]int{10, 22, 40}, 11, 21, 30, 30, 31, 31)
	f(ids)
	f([]int{10, 11, 12, 20, 21, 22}, 30, 30, 31, 31, 40, 40)
}

func TestTargetsOfTX(t *testing.T) {
	s := Compile([]Rule{
		{ID: 1, Phase: 1, Common: true, Raw: `SecRule TX:a "@rx b" "id:1,phase:1,t:none"`},
		{ID: 2, Phase: 1, Common: true, Raw: `SecRule ARGS|TX:a "@rx b" "id:2,phase:1,t:none"`},
		{ID: 3, Phase: 1, Common: true, Raw: `SecRule TX:detection_paranoia_level "@lt 1" "id:3,phase:1"`},
	}, nil)
	if n := s.Rules(); n != 1 {
		t.Errorf("%d rules can be left out", n)
	}
	for _, target := range s.phases[1].targets {
		if target.variable == variables.TX {
			t.Errorf("values of TX are looked at: %v", target)
		}
	}
}
