package waf

import (
	"net/http"
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.MetricsListen = "127.0.0.1:0"
	n := startNode(t, c)
	request(t, "GET", n.url+"/", "")
	request(t, "GET", n.url+"/?q=<script>alert(1)</script>", "")
	n.event(t)
	n.event(t)
	flush(t, n.spool)
	get := func(path string) string {
		t.Helper()
		r, err := http.NewRequest("GET", "http://"+n.MetricsAddress().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp := do(t, http.DefaultTransport, r)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
		return text(t, resp)
	}
	get("/healthz")
	get("/readyz")
	all := get("/metrics")
	for _, want := range []string{
		`gatewatch_waf_requests_total{action="allow",decision="allow",site="shop"} 1`,
		`gatewatch_waf_requests_total{action="block",decision="block",site="shop"} 1`,
		`gatewatch_waf_evaluation_seconds_count{site="shop"} 2`,
		`gatewatch_waf_accelerated{site="shop"} 1`,
		"gatewatch_waf_spool_records 2",
		"gatewatch_waf_spool_refused_total 0",
		"gatewatch_waf_stream_connected 0",
	} {
		if !strings.Contains(all, "\n"+want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
}
