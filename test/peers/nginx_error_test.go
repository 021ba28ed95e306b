package peers

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/test/server"
)

// fault is a request that nginx writes an error about.
type fault struct {
	name, path string
	want       fields
}

// forgedClient is a path that looks decoded, as the error log has it, like the
// part of a line that names the client.
const forgedClient = "/z%22,%20client:%206.6.6.6,%20server:%20evil,%20request:%20%22GET%20/%22"

func (n *nginx) faults() []fault {
	file := func(path string) string { return filepath.Join(n.dir, "www", path) }
	request := func(path string) fields {
		return fields{
			"error.message": "", "event.dataset": "nginx.error", "http.request.method": "GET", "http.version": "1.1", "url.original": path,
			"source.ip": "127.0.0.1", "client.ip": "127.0.0.1", "url.domain": "shop.example", "event.outcome": "failure", "log.level": "error",
		}
	}
	return []fault{
		{"not found", "/missing?q=%27", request("/missing?q=%27").with(fields{
			"event.action": "file-not-served", "file.path": file("missing"), "error.code": "2", "url.path": "/missing", "url.query": "q=%27",
		})},
		{"forbidden", "/forbidden/x", request("/forbidden/x").with(fields{"event.action": "access-forbidden", "event.type": "error, denied"})},
		{"limited", "/limited/a", request("/limited/a").with(fields{
			"event.action": "rate-limited", "nginx.limit.zone": "slow", "event.type": "error, denied",
		})},
		// The message could name two clients: none is taken.
		{"forged client", forgedClient, fields{
			"event.dataset": "nginx.error", "log.level": "error", "source.ip": "", "client.ip": "", "url.original": "",
			"error.message": "{format}: ambiguous: the message can be read as naming more than one client",
		}},
	}
}

func TestNginxErrors(t *testing.T) {
	t.Parallel()
	s := server.Start(t, t.TempDir())
	n := startNginx(t, s)
	visit := func(path string) {
		n.send(n.v4, "GET "+path+" HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
	}
	visit("/limited/a") // the next one is over the limit
	all := n.faults()
	for _, f := range all {
		visit(f.path)
	}
	check := func(format string, events []server.Event) {
		t.Helper()
		for i, f := range all {
			why := strings.Replace(f.want["error.message"], "{format}", format, 1)
			f.want.with(fields{"error.message": why}).check(t, format+", "+f.name, events[i])
		}
	}
	const errors = " and log.level: error and event.dataset: nginx.error"
	events := s.Await(t, "gatewatch.source: syslog"+errors, len(all))
	check("syslog", events)
	for _, e := range events {
		fields{"process.name": "nginx", "log.syslog.facility.name": "local0", "log.syslog.severity.name": "error"}.check(t, "syslog", e)
	}
	for _, format := range []string{"nginx.error", "auto"} {
		n.load(s, format, format, "error.log")
		events = s.Await(t, fmt.Sprintf("gatewatch.source: %q%s", format, errors), len(all))
		check(format, events)
	}
}

func TestNginxUpstreamError(t *testing.T) {
	t.Parallel()
	s := server.Start(t, t.TempDir())
	n := startNginx(t, s)
	visit := func() answer {
		return n.send(n.v4, "GET /gone/cart?id=7 HTTP/1.1\r\nHost: shop.example\r\nReferer: http://r.example/\r\nConnection: close\r\n\r\n")
	}
	if a := visit(); a.status != "502" {
		t.Fatalf("nginx answered %s in front of nothing", a.status)
	}
	e := s.Await(t, "event.action: upstream-failed", 1)[0]
	fields{
		"error.message": "", "source.ip": "127.0.0.1", "url.original": "/gone/cart?id=7", "http.request.referrer": "http://r.example/",
		"nginx.upstream.address": n.gone, "error.code": "111", "log.level": "error", "event.outcome": "failure",
	}.check(t, "upstream", e)
	e = s.Await(t, "http.response.status_code: 502 and log.syslog.facility.name: local2", 1)[0]
	fields{"nginx.upstream.address": n.gone, "nginx.upstream.status_code": "502", "event.outcome": "failure"}.check(t, "access", e)
}
