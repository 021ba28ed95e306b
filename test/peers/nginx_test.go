package peers

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// nginx is a running nginx with three access logs and an error log, each in a
// file and sent by syslog, in front of two upstreams of which the first fails.
type nginx struct {
	*peer
	dir             string
	v4, v6          string // addresses
	bad, good, gone string // upstreams: one that fails, one that does not, one that is not there
}

// nginxLogs are the access logs by name, with the facility of their syslog.
var nginxLogs = map[string]string{"combined": "local1", "timed": "local2", "object": "local3"}

const nginxConfig = `
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log info;
error_log syslog:server={syslog},facility=local0,nohostname info;
events { worker_connections 64; }
http {
	client_body_temp_path {dir}/tmp; proxy_temp_path {dir}/tmp; fastcgi_temp_path {dir}/tmp;
	uwsgi_temp_path {dir}/tmp; scgi_temp_path {dir}/tmp;
	lingering_close off;
	log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
		'"$http_referer" "$http_user_agent" "$http_x_forwarded_for" '
		'$request_time $upstream_response_time $upstream_addr $upstream_status';
	log_format object escape=json '{"time_iso8601":"$time_iso8601","remote_addr":"$remote_addr","remote_port":"$remote_port",'
		'"remote_user":"$remote_user","request":"$request","status":$status,"body_bytes_sent":$body_bytes_sent,'
		'"http_referer":"$http_referer","http_user_agent":"$http_user_agent","http_x_forwarded_for":"$http_x_forwarded_for",'
		'"request_time":$request_time,"upstream_addr":"$upstream_addr","upstream_status":"$upstream_status",'
		'"upstream_response_time":"$upstream_response_time"}';
	access_log {dir}/combined.log;
	access_log {dir}/timed.log timed;
	access_log {dir}/object.log object;
	access_log syslog:server={syslog},facility=local1,nohostname combined;
	access_log syslog:server={syslog},facility=local2 timed;
	access_log syslog:server={syslog},facility=local3 object;
	limit_req_zone $request_method zone=slow:1m rate=1r/m;
	upstream shop { server {bad} max_fails=0; server {good} backup; }
	server {
		listen {v4};
		listen {v6};
		root {dir}/www;
		location /shop/ { proxy_pass http://shop; proxy_next_upstream error http_503; }
		location /gone/ { proxy_pass http://{gone}; }
		location /limited/ { limit_req zone=slow; limit_req_status 429; }
		location /forbidden/ { deny all; }
	}
}
`

func startNginx(t *testing.T, s *server.Server) *nginx {
	t.Helper()
	n := &nginx{dir: t.TempDir()}
	n.v4 = net.JoinHostPort("127.0.0.1", freePort(t, "127.0.0.1"))
	n.v6 = net.JoinHostPort("::1", freePort(t, "::1"))
	n.bad = upstream(t, http.StatusServiceUnavailable, "")
	n.good = upstream(t, http.StatusOK, "hello from the second")
	n.gone = net.JoinHostPort("127.0.0.1", freePort(t, "127.0.0.1"))
	for _, folder := range []string{"tmp", "www", "www/limited"} {
		if err := os.Mkdir(filepath.Join(n.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, n.dir, "www/index.html", "<p>hello</p>\n")
	writeFile(t, n.dir, "www/limited/a", "a\n")
	config := strings.NewReplacer("{dir}", n.dir, "{syslog}", s.Addr.Syslog, "{v4}", n.v4, "{v6}", n.v6,
		"{bad}", n.bad, "{good}", n.good, "{gone}", n.gone).Replace(nginxConfig)
	n.peer = startPeer(t, n.dir, "nginx", "-p", n.dir, "-e", filepath.Join(n.dir, "start.log"), "-c", writeFile(t, n.dir, "nginx.conf", config))
	n.await("nginx has written its pid", func() bool {
		_, err := os.Stat(filepath.Join(n.dir, "nginx.pid"))
		return err == nil
	})
	n.awaitAddress(n.v4)
	return n
}

// upstream is a web server that always gives one answer.
func upstream(t *testing.T, status int, body string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// answer is what came back for a request, and from which port it was made.
type answer struct {
	status, body, port string
}

// send writes the bytes of a request and reads the answer until the connection
// ends, by when nginx has logged it.
func (n *nginx) send(addr, request string) answer {
	n.t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(server.Patience))
	if _, err := io.WriteString(conn, request); err != nil {
		n.t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil {
		n.t.Fatalf("read answer to %q: %v", request, err)
	}
	head, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	words := strings.Fields(string(head))
	if !ok || len(words) < 2 {
		n.t.Fatalf("answer to %q: %q", request, b)
	}
	if bytes.Contains(head, []byte("Transfer-Encoding: chunked")) {
		n.t.Fatalf("answer to %q has no plain body", request)
	}
	return answer{status: words[1], body: string(body), port: port(n.t, conn.LocalAddr().String())}
}

// lacks are the fields that a log does not have.
var lacks = map[string][]string{
	"combined": {"source.port", "http.request.headers.x_forwarded_for", "nginx.upstream.address", "nginx.upstream.status_code"},
	"timed":    {"source.port"},
}

func checkVisits(t *testing.T, log string, all []visit, events []server.Event) {
	t.Helper()
	for i, v := range all {
		want := v.want.with(nil)
		for _, field := range lacks[log] {
			want[field] = ""
		}
		want.check(t, fmt.Sprintf("%s, %s", log, v.name), events[i])
		timed := log != "combined"
		if _, err := strconv.ParseInt(events[i].Text("event.duration"), 10, 64); (err == nil) != timed {
			t.Errorf("%s, %s: event.duration is %q", log, v.name, events[i].Text("event.duration"))
		}
		if at, err := time.Parse(time.RFC3339, events[i].Text("@timestamp")); err != nil || time.Since(at) > time.Hour || time.Since(at) < -time.Second {
			t.Errorf("%s, %s: @timestamp is %s, %v", log, v.name, at, err)
		}
	}
}

func TestNginx(t *testing.T) {
	t.Parallel()
	config := writeFile(t, t.TempDir(), "gatewatch.yaml", "pipeline:\n  sources:\n    behind-proxy:\n      trusted_proxies: [127.0.0.1]\n")
	s := server.Start(t, t.TempDir(), "--config", config)
	n := startNginx(t, s)
	all := n.visitAll()
	t.Run("syslog", func(t *testing.T) {
		for log, facility := range nginxLogs {
			events := s.Await(t, "gatewatch.source: syslog and log.syslog.facility.name: "+facility, len(all))
			checkVisits(t, log, all, events)
			for _, e := range events {
				fields{"log.syslog.severity.name": "informational", "process.name": "nginx", "log.source.address": "127.0.0.1"}.check(t, log, e)
			}
		}
	})
	t.Run("file", func(t *testing.T) {
		for log := range nginxLogs {
			for _, format := range []string{"nginx.access", "auto"} {
				source := log + "-" + format
				n.load(s, format, source, log+".log")
				checkVisits(t, log, all, s.Await(t, `gatewatch.source: "`+source+`"`, len(all)))
			}
		}
	})
	t.Run("trusted proxy", func(t *testing.T) {
		n.load(s, "nginx.access", "behind-proxy", "timed.log")
		s.Await(t, "gatewatch.source: behind-proxy", len(all))
		e := s.Await(t, "gatewatch.source: behind-proxy and client.ip: 198.51.100.7", 1)[0]
		fields{"url.path": "/x", "source.ip": "127.0.0.1", "related.ip": "127.0.0.1, 198.51.100.7"}.check(t, "behind a proxy", e)
	})
}

// load ingests a file of nginx, and again, which must store nothing.
func (n *nginx) load(s *server.Server, format, source, file string) {
	n.t.Helper()
	ingest := func() string {
		_, errs, err := s.Run("ingest", "--format", format, "--source", source, filepath.Join(n.dir, file))
		if err != nil {
			n.t.Fatalf("ingest %s: %v: %s", file, err, errs)
		}
		return errs
	}
	if out := ingest(); !strings.Contains(out, " 0 were stored before") {
		n.t.Errorf("ingest %s: %s", file, out)
	}
	if out := ingest(); !strings.Contains(out, ": 0 records stored") {
		n.t.Errorf("ingest %s again: %s", file, out)
	}
}
