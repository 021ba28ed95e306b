package console

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// refusedRule finds refused requests in access logs.
const refusedRule = `title: A refused request
id: 7a4f0c8e-32a5-4c7e-9d0b-6f3f0f5b1c11
status: stable
logsource: {category: webserver}
detection:
  a: {sc-status: 403}
  condition: a
level: high
`

// TestDelivery shows a webhook whose receiver takes nothing at first.
func TestDelivery(t *testing.T) {
	var takes atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/mend":
			takes.Store(true)
		case !takes.Load():
			http.Error(w, "<b>no room for messages</b>", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(receiver.Close)
	dir := t.TempDir()
	for name, text := range map[string]string{"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=\n", "rule.yml": refusedRule} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := server.Start(t, t.TempDir(), "--notify.url", receiver.URL+"/hook", "--notify.secret_file", filepath.Join(dir, "secret"), "--rules.pack=false", "--rules.dirs", dir)
	var answer struct{ Accepted int }
	call(t, s, http.MethodPost, "/api/v1/ingest", object{"source": "gateway-1", "format": "nginx.access", "records": []object{
		{"raw": []byte(`203.0.113.9 - - [` + time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700") + `] "GET /a HTTP/1.1" 403 12 "-" "curl/8"`)},
	}}, &answer)
	server.Poll(t, server.Patience, "the receiver has answered", func() bool {
		var n struct {
			LastError string `json:"last_error"`
		}
		call(t, s, http.MethodGet, "/api/v1/notifications", nil, &n)
		return n.LastError != ""
	})
	look(t, s, "delivery.mjs", receiver.URL)
}
