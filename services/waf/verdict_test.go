package waf

import (
	"maps"
	"strings"
	"testing"
)

// dropVerdict removes the fields of the verdict, which change with the model.
func dropVerdict(e map[string]any) {
	maps.DeleteFunc(e, func(k string, _ any) bool { return strings.HasPrefix(k, "verdict.") })
}

// TestVerdicts lets the node judge its own decisions: by the body too, blocked or
// not, and without writing down what the client sent.
func TestVerdicts(t *testing.T) {
	n := startNode(t, testConfig(t, echo(t).URL))
	f := func(body, mime, decision string, attack bool) {
		t.Helper()
		request(t, "POST", n.url+"/comment", body, "Content-Type", mime, "Authorization", "Bearer s3cret")
		e := n.event(t)
		p, _ := e["verdict.p_attack"].(float64)
		if e["waf.decision"] != decision || attack != (p > 0.5) || p <= 0 || p >= 1 {
			t.Errorf("%.40s: %v, p_attack %v", body, e["waf.decision"], p)
		}
		right := map[string]any{"block": 1 - p, "allow": p}[decision]
		if got := map[string]any{"block": e["verdict.p_false_positive"], "allow": e["verdict.p_missed"]}[decision]; got != right {
			t.Errorf("%.40s: probability of a mistake %v, want %v", body, got, right)
		}
		evidence, _ := e["verdict.evidence"].([]any)
		if len(evidence) == 0 || e["verdict.revision"] != 0.0 || e["verdict.model"] == nil || e["verdict.kind"] == nil {
			t.Errorf("%.40s: evidence %v, revision %v of %v, kind %v", body, evidence, e["verdict.revision"], e["verdict.model"], e["verdict.kind"])
		}
		for _, line := range evidence {
			if parts := strings.Split(line.(string), "|"); len(parts) != 3 || strings.Contains(line.(string), "s3cret") || strings.Contains(line.(string), "passwd") {
				t.Errorf("evidence %q", line)
			}
		}
	}
	const form, json = "application/x-www-form-urlencoded", "application/json"
	f("text=%27%20UNION%20SELECT%20a,password%20FROM%20users--", form, "block", true)
	f(`{"file":"../../../../etc/passwd"}`, json, "block", true)
	f("text=thank+you%2C+that+was+a+good+read", form, "allow", false)
	f("just a beacon", "text/plain", "block", false) // wrongly: CRS takes it for no allowed type

	c := testConfig(t, echo(t).URL)
	c.Sites[0].Prior = 1e-9
	n = startNode(t, c)
	request(t, "GET", n.url+"/?file=../../../../etc/passwd", "")
	if p, _ := n.event(t)["verdict.p_attack"].(float64); p <= 0 || p > 0.5 {
		t.Errorf("where hardly any request is an attack: p_attack %v", p)
	}

	c = testConfig(t, echo(t).URL)
	c.Sites[0].Verdicts = verdictsOff
	n = startNode(t, c)
	request(t, "GET", n.url+"/?q=1", "")
	if e := n.event(t); e["verdict.p_attack"] != nil {
		t.Errorf("a verdict although they are off: %v", e)
	}
}
