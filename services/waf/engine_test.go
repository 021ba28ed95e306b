package waf

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

func TestFingerprint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.conf")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	compile := func(s Settings) string {
		t.Helper()
		e, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if e.Rules() < 500 {
			t.Errorf("%d rules", e.Rules())
		}
		return e.Fingerprint()
	}
	second := filepath.Join(t.TempDir(), "second.conf")
	if err := os.WriteFile(second, []byte("SecAction \"id:2,phase:1,pass,nolog\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := compile(Settings{})
	if !regexp.MustCompile(`^crs/4\.25\.0\+sha256:[0-9a-f]{64}$`).MatchString(plain) {
		t.Error(plain)
	}
	seen := map[string]string{plain: "default"}
	other := func(name string, s Settings) {
		t.Helper()
		f := compile(s)
		if seen[f] != "" {
			t.Errorf("%s has the fingerprint of %s", name, seen[f])
		}
		seen[f] = name
	}
	if again := compile(Settings{Paranoia: 1, InboundThreshold: 5}); again != plain {
		t.Error("the defaults spelled out have another fingerprint")
	}
	other("paranoia 2", Settings{Paranoia: 2})
	other("detection 2", Settings{DetectionParanoia: 2})
	other("threshold 10", Settings{InboundThreshold: 10})
	write("SecRuleRemoveById 942100\n")
	other("after", Settings{RulesAfter: []string{file}})
	write("SecAction \"id:1,phase:1,pass,nolog\"\n")
	other("before", Settings{RulesBefore: []string{file}})
	other("the same after", Settings{RulesAfter: []string{file}})
	other("before and after", Settings{RulesBefore: []string{file}, RulesAfter: []string{second}})
	other("both before", Settings{RulesBefore: []string{file, second}})
	if again := compile(Settings{RulesBefore: []string{file, second}}); seen[again] != "both before" {
		t.Error("the same rules have another fingerprint")
	}
}

// TestCRSVersion compares the version that events name with the one of go.mod
// and the one that the rules themselves name.
func TestCRSVersion(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "github.com/corazawaf/coraza-coreruleset/v4 v" + CRSVersion + "\n"; !strings.Contains(strings.ReplaceAll(string(mod), " // indirect", ""), want) {
		t.Errorf("go.mod does not hold %s", want)
	}
	rules, err := fs.ReadFile(coreruleset.FS, "@owasp_crs/REQUEST-901-INITIALIZATION.conf")
	if err != nil {
		t.Fatal(err)
	}
	if want := "ver:'OWASP_CRS/" + CRSVersion + "'"; !strings.Contains(string(rules), want) {
		t.Errorf("the rules do not hold %s", want)
	}
}

func TestCompileErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.conf")
	if err := os.WriteFile(file, []byte("SecRule ARGS \"@nosuch x\" \"id:1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(s Settings, want string) {
		t.Helper()
		_, err := Compile(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", s, err, want)
		}
	}
	f(Settings{Paranoia: 5}, "paranoia: 5 is not between 1 and 4")
	f(Settings{Paranoia: 3, DetectionParanoia: 2}, "detection_paranoia: 2 is not between paranoia (3) and 4")
	f(Settings{InboundThreshold: -1}, "inbound_threshold: -1 is less than 1")
	f(Settings{RequestBodyBytes: 1 << 40}, "request_body_bytes")
	f(Settings{ResponseTypes: []string{"text/html\nSecRuleEngine Off"}}, "is not a media type")
	f(Settings{RulesBefore: []string{file}}, "nosuch")
	f(Settings{RulesAfter: []string{file + ".no"}}, "no such file")
}

// TestOwnRules checks exclusions, a rule that turns enforcement off, a redirect
// and what a higher detection level reports without blocking.
func TestOwnRules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.conf")
	if err := os.WriteFile(file, []byte(`
SecRule REQUEST_FILENAME "@beginsWith /search" "id:1001,phase:1,pass,nolog,ctl:ruleRemoveTargetById=942100;ARGS:q"
SecRule REQUEST_FILENAME "@beginsWith /observe" "id:1002,phase:1,pass,nolog,ctl:ruleEngine=DetectionOnly"
SecRule REQUEST_FILENAME "@streq /old" "id:1003,phase:1,redirect:https://shop.example/new,status:301,log,msg:'moved'"
`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := testConfig(t, echo(t).URL)
	c.Sites[0].Rules = Settings{DetectionParanoia: 2, RulesBefore: []string{file}}
	n := startNode(t, c)
	f := func(target string, code int, decision, action string) map[string]any {
		t.Helper()
		resp := request(t, "GET", n.url+target, "")
		e := n.event(t)
		if resp.StatusCode != code || e["waf.decision"] != decision || e["waf.action"] != action {
			t.Errorf("%s: status %d, decision %v, action %v, rules %v", target, resp.StatusCode, e["waf.decision"], e["waf.action"], e["rule.id"])
		}
		return e
	}
	const sqli = "?q=1%27%20OR%20%271%27=%271"
	f("/find"+sqli, 403, "block", "block")
	e := f("/search"+sqli, 200, "allow", "allow")
	if e["waf.anomaly_score"] != 0.0 || len(list(e["rule.id"])) != 0 || len(list(e["waf.match.rule_id"])) == 0 {
		t.Errorf("detection level: score %v, rules %v, matches %v", e["waf.anomaly_score"], e["rule.id"], e["waf.match.rule_id"])
	}
	f("/observe"+sqli, 200, "block", "allow")
	if e := f("/old", 301, "block", "block"); list(e["rule.id"])[0] != "1003" {
		t.Errorf("rules %v", e["rule.id"])
	}
}
