package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWhatIfOfAnother prints no curves of a job that somebody else has begun.
func TestWhatIfOfAnother(t *testing.T) {
	f := func(looked, want string) {
		t.Helper()
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begun := "2026-11-22T04:00:00Z"
			if r.Method == http.MethodGet {
				begun = looked
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"job":{"start_time":%q,"end_time":"2026-11-22T04:01:00Z","curves":[{"site":"shop","n":3,"why":"too few"}]}}`, begun)
		}))
		defer s.Close()
		cmd := newWAFWhatIf()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SilenceUsage = true
		cmd.SetArgs([]string{"--server", s.URL})
		err := cmd.ExecuteContext(t.Context())
		if got := fmt.Sprint(out.String(), err); !strings.Contains(got, want) {
			t.Errorf("job of %s: %s, want %q", looked, got, want)
		}
	}
	f("2026-11-22T04:00:00Z", "site shop: too few")
	f("2026-11-22T04:00:30Z", "somebody has begun another what-if")
}

// TestWhatIfStopsItsOwn ends the job that it began on a server, by its name, when the
// command ends.
func TestWhatIfStopsItsOwn(t *testing.T) {
	const began = "2026-11-22T04:00:00.000000001Z"
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			cancel()
		case http.MethodDelete:
			stopped <- r.URL.Query().Get("start_time")
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"job":{"start_time":%q}}`, began)
	}))
	defer s.Close()
	cmd := newWAFWhatIf()
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	cmd.SilenceUsage = true
	cmd.SetArgs([]string{"--server", s.URL})
	if err := cmd.ExecuteContext(ctx); err == nil {
		t.Error("the command did not end")
	}
	select {
	case got := <-stopped:
		if got != began {
			t.Errorf("stopped the job of %q", got)
		}
	default:
		t.Error("nothing was stopped")
	}
}
