package faults

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// reply is what the server answered to a request.
type reply struct {
	status int
	body   string
	header http.Header
}

// post sends a body to the HTTP inputs.
func post(t *testing.T, s *server.Server, path string, body io.Reader, headers ...string) reply {
	t.Helper()
	r, err := tryPost(s, path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tryPost is post for a server that may break the connection off. headers are
// names and values in turn.
func tryPost(s *server.Server, path string, body io.Reader, headers ...string) (reply, error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+s.Addr.Ingest+path, body)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, string(b), res.Header}, err
}

// found returns all events of the bulk input once they are stored.
func found(t *testing.T, s *server.Server) []server.Event {
	t.Helper()
	settle(t, s)
	return s.Find(t, allBulk+" | keep event.id, message, n")
}
