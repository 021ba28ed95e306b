package waf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// TestAccelerationWithOwnRules has files of own rules do to those of CRS what a
// sieve must not overlook; rule is one that Coraza alone finds in the request.
func TestAccelerationWithOwnRules(t *testing.T) {
	f := func(name string, paranoia int, before, after string, r *verdict.Request, rule int) {
		t.Run(name, func(t *testing.T) {
			s := CorpusSettings()
			s.Paranoia = paranoia
			s.RulesBefore, s.RulesAfter = ownFile(t, before), ownFile(t, after)
			p := compilePair(t, s)
			r.ID = name
			if a, diff := p.compare(t, r); a == differs {
				t.Error(diff)
			}
			if alone := outcome(t, p.plain, r); !strings.Contains(alone.rest, fmt.Sprintf("%d×", rule)) {
				t.Errorf("Coraza alone: %+v", alone)
			}
		})
	}
	get := func() *verdict.Request { return benchRequest("GET", "/?a=hello", "", "") }
	custom := get()
	custom.Headers = append(custom.Headers, [2]string{"X-Custom", "1' or '1'='1"})
	encoded := benchRequest("POST", "/api", "application/json", `{"a":"%41%42 x"}`)

	f("rule in the place of another", 1, "",
		"SecRuleRemoveById 942100\nSecRule ARGS \"@contains hello\" \"id:942100,phase:2,t:none,deny,status:403,log\"", get(), 942100)
	f("exclusion of what is skipped by number", 2,
		"SecRule REQUEST_URI \"@beginsWith /\" \"id:1,phase:1,pass,nolog,t:none,ctl:ruleRemoveById=920540\"", "", encoded, 920230)
	f("removal of what is skipped by number", 3, "", "SecRuleRemoveById 920540", encoded, 920230)
	f("update behind a comment", 1, "", "# as agreed \\\nSecRuleUpdateTargetById 942100 \"REQUEST_HEADERS:X-Custom\"", custom, 942100)
	f("exclusion of what is counted", 1,
		"SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetById=901001;TX:crs_setup_version\"", "", get(), 901001)
}

// ownFile is a list of one file, or of none for no text.
func ownFile(t *testing.T, text string) []string {
	t.Helper()
	if text == "" {
		return nil
	}
	name := filepath.Join(t.TempDir(), "own.conf")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{name}
}

// TestWhatEndsAccelerationIsKnown holds that an engine knows which own directive keeps
// it from leaving rules out, so that the node can say so.
func TestWhatEndsAccelerationIsKnown(t *testing.T) {
	f := func(want, before, file string) {
		t.Helper()
		s := CorpusSettings()
		s.RulesAfter = ownFile(t, file)
		e, err := compile(s, before)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if accelerated := e.Settings().Accelerate == accelerateOn; e.unsifted != want || accelerated == (want != "") {
			t.Errorf("accelerated %t, because of %q", accelerated, e.unsifted)
		}
	}
	const update = `SecRuleUpdateTargetById 942100 "REQUEST_BODY"`
	f(update, "", "SecRuleRemoveById 942110\n"+update)
	f("", "", "SecRuleRemoveById 942110")
	const macro = `SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=%{rule.id}"`
	f(macro, macro+"\n", "")
}
