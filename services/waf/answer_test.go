package waf

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// noted is a connection that notes what is done with it.
type noted struct {
	*httptest.ResponseRecorder
	calls []string
}

func (n *noted) note(call string) { n.calls = append(n.calls, call) }

func (n *noted) Write(b []byte) (int, error) {
	n.note("write")
	return len(b), nil
}

func (n *noted) FlushError() error {
	n.note("flush")
	return nil
}

func (n *noted) SetWriteDeadline(at time.Time) error {
	if at.IsZero() {
		n.note("lift")
	} else {
		n.note("limit")
	}
	return nil
}

// TestAnswerDeadlines wants a deadline around whatever waits for the client.
func TestAnswerDeadlines(t *testing.T) {
	w := &noted{ResponseRecorder: httptest.NewRecorder()}
	a := newAnswer(w, time.Minute)
	if _, err := a.Write([]byte("a")); err != nil {
		t.Error(err)
	}
	if err := http.NewResponseController(a).Flush(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(w.calls, " "); got != "lift limit write lift limit flush lift" || a.status != 200 || a.sent != 1 {
		t.Errorf("%s, status %d, sent %d", got, a.status, a.sent)
	}
}
