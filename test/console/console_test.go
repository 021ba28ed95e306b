// Package console looks at the console in a real browser: every screen in both
// languages and themes, over events that are hostile in every field. The screenshots
// stay in the folder that CONSOLE_SCREENSHOTS names, else in one of the test.
// deploy/peers/install.sh installs Chromium, make web what drives it.
package console

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/test/server"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("left out with -short: the tests start a browser")
		os.Exit(0)
	}
	os.Exit(server.Main(m))
}

func TestScreens(t *testing.T) {
	s := stocked(t)

	look(t, s, "screens.mjs")
}

// TestLabelsWithinFilter labels what the filter of the queue shows of a group.
func TestLabelsWithinFilter(t *testing.T) {
	s := stocked(t)

	look(t, s, "within.mjs")
}

// TestNarrow looks at every screen in windows of 1280, 1024 and 768 pixels.
func TestNarrow(t *testing.T) {
	s := stocked(t)

	look(t, s, "narrow.mjs")
}

// TestRoles signs in as a viewer, an analyst and an administrator.
func TestRoles(t *testing.T) {
	s := stocked(t)

	administrator := link(t, s, "add", "lin", "--role", "administrator")
	visit(t, s, "roles.mjs", administrator, link(t, s, "add", "wu", "--role", "viewer"), link(t, s, "add", "qin", "--role", "analyst"))
}

// link runs a command of accounts and returns the link that it prints.
func link(t *testing.T, s *server.Server, args ...string) string {
	t.Helper()
	out, errs, err := s.Run(append(append([]string{"user"}, args...), "--data", s.Data)...)
	if err != nil {
		t.Fatalf("user %s: %v: %s", args[0], err, errs)
	}
	return strings.TrimSpace(out)
}

// look runs a script that opens a browser on a server without accounts, and fails if
// it finds a fault.
func look(t *testing.T, s *server.Server, script string, args ...string) {
	t.Helper()
	visit(t, s, script, link(t, s, "link", "--first"), args...)
}

// visit runs a script that signs in with a link, and fails if it finds a fault.
func visit(t *testing.T, s *server.Server, script, link string, args ...string) {
	t.Helper()
	out := os.Getenv("CONSOLE_SCREENSHOTS")
	if out == "" {
		out = t.TempDir()
	}
	said, err := exec.Command("node", append([]string{script, "http://" + s.Addr.HTTP, link, out}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, said)
	}
	t.Logf("%s", said)
}

// call asks the REST API as the administrator.
func call(t *testing.T, s *server.Server, method, path string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr.HTTP+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %v: %s", method, path, res.Status, err, said)
	}
	if err := json.Unmarshal(said, answer); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, said)
	}
}

// send ingests records of a format and returns how many there are.
func send(t *testing.T, s *server.Server, format string, records []string) int {
	t.Helper()
	type record struct {
		Raw []byte `json:"raw"`
	}
	req := struct {
		Source  string   `json:"source"`
		Format  string   `json:"format"`
		Records []record `json:"records"`
	}{Source: "gateway-1", Format: format}
	for _, r := range records {
		req.Records = append(req.Records, record{[]byte(r)})
	}
	var answer struct {
		Accepted int
	}
	call(t, s, http.MethodPost, "/api/v1/ingest", req, &answer)
	if answer.Accepted != len(records) {
		t.Fatalf("%d of %d records were accepted", answer.Accepted, len(records))
	}
	return len(records)
}

// decisions counts the decisions that are listed.
func decisions(t *testing.T, s *server.Server) int {
	t.Helper()
	var answer struct {
		Decisions int
	}
	call(t, s, http.MethodGet, "/api/v1/decisions:groups", nil, &answer)
	return answer.Decisions
}
