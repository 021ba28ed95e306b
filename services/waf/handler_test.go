package waf

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func list(v any) []string {
	var all []string
	items, _ := v.([]any)
	for _, i := range items {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// TestDecisions sends requests to two sites that differ in their mode only.
func TestDecisions(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Sites = append(c.Sites, SiteConfig{Name: "lab", Hosts: []string{"*.lab.example"}, Upstreams: c.Sites[0].Upstreams, Mode: ModeDetect})
	n := startNode(t, c)
	if st := n.state.Load(); len(st.engines) != 1 {
		t.Fatalf("%d engines for equal rules, want 1", len(st.engines))
	}

	f := func(method, target, body, contentType, decision string, rules []string, policyOnly bool) {
		t.Helper()
		for _, host := range []string{"shop.example", "a.lab.example"} {
			resp := requestTo(t, n.url, host, method, target, body, contentType)
			e := n.event(t)
			action, code := decision, 200
			if host == "a.lab.example" {
				action = actionAllow
			}
			if action == actionBlock {
				code = 403
			}
			got := []any{resp.StatusCode, e["waf.decision"], e["waf.action"], list(e["rule.id"]), e["waf.policy_only"]}
			want := []any{code, decision, action, rules, policyOnly}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s %s: %s", host, method, target, diff)
			}
			if code == 200 && text(t, resp) != body {
				t.Errorf("%s %s: upstream was sent another body", method, target)
			}
			if seen := resp.Header.Get("X-Seen-Target"); code == 200 && seen != target {
				t.Errorf("upstream was asked for %q, want %q", seen, target)
			}
		}
	}
	f("GET", "/", "", "", "allow", nil, false)
	f("GET", "/catalog?page=2&sort=price;asc&q=a%2Fb", "", "", "allow", nil, false)
	f("GET", "/a%2Fb/c%20d/%E4%BD%A0?x=%zz", "", "", "allow", nil, false)
	f("GET", "/?id=1%27%20OR%20%271%27=%271", "", "", "block", []string{"942100"}, false)
	f("GET", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", "", "", "block", []string{"941100", "941110", "941160", "941390"}, false)
	f("GET", "/?f=../../../../etc/passwd", "", "", "block", []string{"930100", "930110", "930120", "932160"}, false)
	f("POST", "/login", "user=a&password=b", "application/x-www-form-urlencoded", "allow", nil, false)
	f("POST", "/api", `{"q":"1 union select password from users"}`, "application/json", "block", []string{"942100", "942190", "942270", "942360"}, false)
	// A false positive as CRS makes them: a plain text beacon is no allowed type.
	f("POST", "/beacon", "ping", "text/plain", "block", []string{"920420"}, true)
	f("PUT", "/item/5", "a=1", "application/x-www-form-urlencoded", "block", []string{"911100"}, true)
}

func requestTo(t *testing.T, url, host, method, target, body, contentType string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = target
	r.Host = host
	r.Header.Set("User-Agent", "Mozilla/5.0")
	r.Header.Set("Accept", "*/*")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return do(t, http.DefaultTransport, r)
}

func TestEventFields(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	n := startNode(t, c)
	resp := request(t, "POST", n.url+"/p%20q?id=1%27%20OR%20%271%27=%271&token=s3cret", "card=4111111111111111",
		"Content-Type", "application/x-www-form-urlencoded", "Referer", "https://shop.example/?sid=ABC123", "Accept-Language", "zh-CN,en")
	page := text(t, resp)
	e := n.event(t)
	if !strings.Contains(page, "请求被拒绝") || !strings.Contains(page, e["http.request.id"].(string)) || strings.Contains(page, "942100") {
		t.Errorf("block page: %s", page)
	}
	for _, k := range []string{
		"@timestamp", "event.duration", "source.port", "client.port", "server.port", "waf.evaluation_duration", "http.request.id",
		"waf.ruleset", "http.response.body.bytes", "http.request.bytes", "http.response.bytes",
	} {
		if e[k] == nil {
			t.Errorf("%s is missing", k)
		}
		delete(e, k)
	}
	dropVerdict(e)
	want := map[string]any{
		"event.dataset": "coraza.waf", "event.kind": "event",
		"event.category": []any{"web", "intrusion_detection"}, "event.type": []any{"access", "denied"},
		"event.action": "blocked", "event.outcome": "failure",
		"observer.type": "waf", "observer.name": "node1", "observer.product": "Gatewatch", "observer.version": "test",
		"source.ip": "127.0.0.1", "client.ip": "127.0.0.1", "server.ip": "127.0.0.1", "related.ip": []any{"127.0.0.1"},
		"http.request.method": "POST", "http.version": "1.1", "http.request.mime_type": "application/x-www-form-urlencoded",
		"http.request.referrer": "https://shop.example/?sid=XXX000", "http.request.body.bytes": 21.0, "http.response.status_code": 403.0,
		"http.response.mime_type": "text/html; charset=utf-8",
		"user_agent.original":     "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
		"url.scheme":              "http", "url.domain": "shop.example", "related.hosts": []any{"shop.example"},
		"url.original": "/p%20q?id=1%27%20OR%20%271%27=%271&token=x0xxxx", "url.path": "/p%20q", "url.path_decoded": "/p q",
		"url.query": "id=1%27%20OR%20%271%27=%271&token=x0xxxx", "url.query_decoded": "id=1' OR '1'='1&token=x0xxxx",
		"waf.site": "shop", "waf.node": "node1", "waf.mode": "block", "waf.decision": "block", "waf.action": "block",
		"waf.anomaly_score": 5.0, "waf.threshold": 5.0, "waf.paranoia_level": 1.0, "waf.policy_only": false,
		"rule.id": []any{"942100"}, "rule.ruleset": "OWASP_CRS/4.25.0",
		"waf.match.rule_id": []any{"942100"}, "waf.match.variable": []any{"ARGS:id"}, "waf.match.value": []any{"1' OR '1'='1"},
		"waf.match.message":  []any{"SQL Injection Attack Detected via libinjection"},
		"waf.match.severity": []any{"critical"},
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}
}

func TestBlockPageForPrograms(t *testing.T) {
	n := startNode(t, testConfig(t, echo(t).URL))
	resp := request(t, "GET", n.url+"/?q=<script>alert(1)</script>", "", "Accept", "application/json")
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 403 || got != "application/problem+json" {
		t.Errorf("status %d, type %s", resp.StatusCode, got)
	}
	if body := text(t, resp); strings.Contains(body, "script") || !strings.Contains(body, `"request_id":"`) {
		t.Errorf("body %s", body)
	}
}

func TestClientAddress(t *testing.T) {
	upstream := echo(t).URL
	f := func(trusted []string, wantClient, wantFor string, headers ...string) {
		t.Helper()
		c := testConfig(t, upstream)
		c.TrustedProxies = trusted
		n := startNode(t, c)
		resp := request(t, "GET", n.url+"/", "", headers...)
		e := n.event(t)
		got := []any{e["source.ip"], e["client.ip"], resp.Header.Get("X-Seen-For")}
		if diff := cmp.Diff([]any{"127.0.0.1", wantClient, wantFor}, got); diff != "" {
			t.Errorf("%v from %v: %s", headers, trusted, diff)
		}
		n.stop()
	}
	f(nil, "127.0.0.1", "127.0.0.1", "X-Forwarded-For", "198.51.100.7")
	f([]string{"127.0.0.1"}, "198.51.100.7", "198.51.100.7, 127.0.0.1", "X-Forwarded-For", "198.51.100.7")
	f([]string{"127.0.0.0/8"}, "198.51.100.7", "203.0.113.1, 198.51.100.7, 127.0.0.2, 127.0.0.1",
		"X-Forwarded-For", "203.0.113.1, 198.51.100.7, 127.0.0.2")
	f([]string{"127.0.0.1"}, "2001:db8::7", "2001:db8::7, 127.0.0.1", "Forwarded", `for="[2001:db8::7]:4711";proto=https`)
}

// TestClientHeader sends both headers that name a client: one of them the
// trusted proxy wrote, the other may be the client's own.
func TestClientHeader(t *testing.T) {
	upstream := echo(t).URL
	f := func(header, wantClient, wantFor, forwardedFor, forwarded string) {
		t.Helper()
		c := testConfig(t, upstream)
		c.TrustedProxies, c.ClientHeader = []string{"127.0.0.1"}, header
		n := startNode(t, c)
		resp := request(t, "GET", n.url+"/", "", "X-Forwarded-For", forwardedFor, "Forwarded", forwarded)
		got := []any{n.event(t)["client.ip"], resp.Header.Get("X-Seen-For")}
		if diff := cmp.Diff([]any{wantClient, wantFor}, got); diff != "" {
			t.Errorf("%q, %s, %s: %s", header, forwardedFor, forwarded, diff)
		}
		n.stop()
	}
	const a, b = "198.51.100.7", "203.0.113.9"
	f("", "127.0.0.1", "127.0.0.1", a, "for="+b)
	f("", a, a+", 127.0.0.1", a, "for="+a)
	f("x-forwarded-for", a, a+", 127.0.0.1", a, "for="+b)
	f("Forwarded", b, b+", 127.0.0.1", a, "for="+b)
}

func TestRequestID(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	n := startNode(t, c)
	request(t, "GET", n.url+"/", "", "X-Request-Id", "abc-1")
	if id := n.event(t)["http.request.id"]; id == "abc-1" || len(id.(string)) != 32 {
		t.Errorf("id %v of an untrusted peer was taken", id)
	}
	n.stop()
	c.TrustedProxies = []string{"127.0.0.1"}
	n = startNode(t, c)
	request(t, "GET", n.url+"/", "", "X-Request-Id", "abc-1")
	if id := n.event(t)["http.request.id"]; id != "abc-1" {
		t.Errorf("id %v, want that of the trusted proxy", id)
	}
	request(t, "GET", n.url+"/", "", "X-Request-Id", `a"b<c>`)
	if id := n.event(t)["http.request.id"]; id == `a"b<c>` {
		t.Error("a malformed id was taken")
	}
}

func TestUnknownHostAndUpstreamDown(t *testing.T) {
	c := testConfig(t, "http://"+freeAddress(t))
	c.Sites[0].Hosts = []string{"shop.example"}
	n := startNode(t, c)
	resp := request(t, "GET", n.url+"/", "")
	e := n.event(t)
	if resp.StatusCode != 502 || e["waf.reason"] != reasonUpstream || e["waf.decision"] != "allow" || e["http.response.status_code"] != 502.0 {
		t.Errorf("status %d, event %v", resp.StatusCode, e)
	}
	if resp := requestTo(t, n.url, "other.example", "GET", "/", "", ""); resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("unknown host: status %d", resp.StatusCode)
	}
	if e := n.event(t); e["waf.reason"] != reasonHost || e["waf.site"] != nil || e["url.domain"] != "other.example" || e["waf.action"] != "block" {
		t.Errorf("unknown host: event %v", e)
	}
}

func TestFailover(t *testing.T) {
	c := testConfig(t, "http://"+freeAddress(t))
	c.Sites[0].Upstreams = append(c.Sites[0].Upstreams, echo(t).URL)
	n := startNode(t, c)
	for i := range 4 {
		if resp := request(t, "POST", n.url+"/", "a=1", "Content-Type", "application/x-www-form-urlencoded"); resp.StatusCode != 200 || text(t, resp) != "a=1" {
			t.Errorf("request %d: status %d", i, resp.StatusCode)
		}
	}
}

func TestEventsPolicy(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Sites[0].Events = eventsBlocked
	n := startNode(t, c)
	request(t, "GET", n.url+"/fine", "")
	request(t, "GET", n.url+"/?q=<script>alert(1)</script>", "")
	if e := n.event(t); e["url.path"] != "/" {
		t.Errorf("first event is of %v", e["url.path"])
	}
}

// TestHostileBytes sends what no browser sends; each must be refused cleanly.
func TestHostileBytes(t *testing.T) {
	n := startNode(t, testConfig(t, echo(t).URL))
	f := func(bytes, want string) {
		t.Helper()
		if got := raw(t, n.Address().String(), bytes); !strings.HasPrefix(got, want) {
			t.Errorf("%.60q: %q, want %q", bytes, got, want)
		}
	}
	head := "Host: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\n"
	f("GET / HTTP/1.1\r\n"+head+"Connection: close\r\n\r\n", "HTTP/1.1 200")
	f("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400")
	f("POST / HTTP/1.1\r\n"+head+"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "HTTP/1.1 400")
	f("POST / HTTP/1.1\r\n"+head+"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501")
	f("GET / HTTP/1.1\r\n"+head+"X:"+strings.Repeat("a", 100<<10)+"\r\n\r\n", "HTTP/1.1 431")
	f("GET / HTTP/1.1\r\n"+head+"A b: c\r\n\r\n", "HTTP/1.1 400")
	f("GET /\x00 HTTP/1.1\r\n"+head+"\r\n", "HTTP/1.1 400")
	f("\x16\x03\x01\x02\x00\r\n\r\n", "HTTP/1.1 400")
	f("POST / HTTP/1.1\r\n"+head+"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400")
	many := strings.Builder{}
	for i := range 1000 {
		fmt.Fprintf(&many, "X-%d: v\r\n", i)
	}
	f("GET / HTTP/1.1\r\n"+head+"Connection: close\r\n"+many.String()+"\r\n", "HTTP/1.1 431")
}
