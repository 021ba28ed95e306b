package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// TestReport: a report is a file that a browser saves, in each format.
func TestReport(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.fill(3)
	f := func(parameters, kind, name, has string) {
		t.Helper()
		resp := s.do(http.MethodGet, "/api/v1/reports/waf"+parameters, s.bearer["viewer"], "")
		body := text(resp)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind || !strings.Contains(body, has) {
			t.Errorf("%s: %d %s\n%s", parameters, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
		if got := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; filename=\"waf-") || !strings.HasSuffix(got, name+`"`) {
			t.Errorf("%s is the file %s", parameters, got)
		}
		if got := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'") {
			t.Errorf("%s has the policy %q", parameters, got)
		}
	}
	f("", "text/html; charset=utf-8", ".html", "<h1>WAF security report</h1>")
	f("?lang=zh-CN&from=2026-01-01", "text/html; charset=utf-8", ".html", "<h1>WAF 安全报告</h1>")
	f("?format=csv&lang=zh-CN", "text/csv; charset=utf-8", ".csv", "部分,项目")
	f("?format=json&to=2026-02-01T00:00:00Z", "application/json", ".json", `"to": "2026-02-01T00:00:00Z"`)
}

// TestReportGRPC: the parts are the file.
func TestReportGRPC(t *testing.T) {
	s := newServer(t, Config{}, true)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.bearer["viewer"])
	stream, err := gatewatchv1.NewReportServiceClient(s.dial()).CreateWAFReport(ctx, &gatewatchv1.CreateWAFReportRequest{Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	var file []byte
	for {
		part, err := stream.Recv()
		if err != nil {
			break
		}
		file = append(file, part.GetData()...)
	}
	if !json.Valid(file) {
		t.Errorf("the file is %s", file)
	}
}

// TestEveryChart: each chart is served, and as JSON that a page may hold.
func TestEveryChart(t *testing.T) {
	s := newServer(t, Config{}, true)
	s.fill(3)
	for _, name := range dashboards.Names() {
		resp := s.do(http.MethodGet, "/api/v1/charts/"+name, s.bearer["viewer"], "")
		body := text(resp)
		var answer struct {
			Heading string         `json:"heading"`
			Option  map[string]any `json:"option"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != http.StatusOK || answer.Heading == "" || answer.Option["series"] == nil && answer.Option["tooltip"] == nil {
			t.Errorf("%s: %d %v: %s", name, resp.StatusCode, err, body)
		}
		if strings.ContainsAny(body, "<>") {
			t.Errorf("%s has markup: %s", name, body)
		}
	}
}
