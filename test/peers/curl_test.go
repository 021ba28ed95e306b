package peers

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/test/server"
)

// curl sends a request to an address of the ingest listener and returns the
// status and the body of the answer.
func curl(t *testing.T, s *server.Server, path string, args ...string) (status, body string) {
	t.Helper()
	args = append([]string{"--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}"}, args...)
	cmd := exec.Command(program(t, "curl"), append(args, "http://"+s.Addr.Ingest+path)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("curl %s: %v: %s", args, err, stderr.String())
	}
	i := bytes.LastIndexByte(out, '\n')
	return string(out[i+1:]), string(out[:i])
}

// TestCurl posts lines and documents as scripts do.
func TestCurl(t *testing.T) {
	t.Parallel()
	s := server.Start(t, t.TempDir())
	dir := t.TempDir()
	var lines, documents strings.Builder
	const n = 20_000 // over the size at which curl asks before it sends
	for i := range n {
		fmt.Fprintf(&lines, "203.0.113.9 - - [21/Nov/2026:08:30:00 +0000] \"GET /a?n=%d HTTP/1.1\" 403 12 \"-\" \"curl/8\"\n", i)
		fmt.Fprintf(&documents, "{\"create\":{\"_id\":\"d%d\"}}\n{\"message\":\"document %d\"}\n", i, i)
	}
	plain := writeFile(t, dir, "access.log", strings.TrimSuffix(lines.String(), "\n"))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(documents.String()))
	z.Close()
	bulk := writeFile(t, dir, "bulk.gz", packed.String())
	f := func(path, wantStatus string, want any, args ...string) {
		t.Helper()
		status, body := curl(t, s, path, args...)
		if status != wantStatus {
			t.Fatalf("%s answered %s, want %s: %.300s", path, status, wantStatus, body)
		}
		if want != nil {
			if err := json.Unmarshal([]byte(body), want); err != nil {
				t.Fatalf("%s answered %.300s: %v", path, body, err)
			}
		}
	}
	var raw struct{ Accepted int }
	f("/raw/nginx.access?source=gateway-1", "200", &raw, "--header", "Content-Type: text/plain", "--data-binary", "@"+plain)
	if raw.Accepted != n {
		t.Errorf("%d lines were taken, want %d", raw.Accepted, n)
	}
	var answer struct {
		Errors bool
		Items  []map[string]struct{ Status int }
	}
	zipped := []string{"--header", "Content-Type: application/x-ndjson", "--header", "Content-Encoding: gzip", "--data-binary", "@" + bulk}
	f("/curl/_bulk", "200", &answer, zipped...)
	if answer.Errors || len(answer.Items) != n || answer.Items[n-1]["create"].Status != 201 {
		t.Errorf("bulk: errors %v, %d items", answer.Errors, len(answer.Items))
	}
	f("/curl/_bulk", "200", &answer, zipped...)
	if !answer.Errors || len(answer.Items) != n || answer.Items[n-1]["create"].Status != 409 {
		t.Errorf("bulk again: errors %v, %d items", answer.Errors, len(answer.Items))
	}
	f("/curl/_bulk", "415", nil, "--form", "file=@"+plain)
	f("/curl/_bulk", "415", nil, "--header", "Content-Type: text/xml", "--data-binary", "@"+plain)
	f("/raw/nginx.access", "415", nil, "--header", "Content-Type: image/png", "--data-binary", "@"+plain)
	f("/raw/nothing", "404", nil, "--header", "Content-Type: text/plain", "--data-binary", "@"+plain)
	f("/raw/nginx.access", "403", nil, "--header", "Origin: http://evil.example", "--header", "Content-Type: text/plain", "--data-binary", "@"+plain)
	if events := s.Await(t, "gatewatch.source: gateway-1 and url.query: n=19999", 1); events[0].Text("source.ip") != "203.0.113.9" {
		t.Errorf("found %v", events[0])
	}
	count := s.Await(t, "* | stats n = count() by gatewatch.source | sort gatewatch.source", 2)
	for i, source := range []string{"bulk:curl", "gateway-1"} {
		fields{"gatewatch.source": source, "n": fmt.Sprint(n)}.check(t, source, count[i])
	}
}
