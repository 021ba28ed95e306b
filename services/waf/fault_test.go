package waf

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestEnginePanic lets the rules panic: on_error decides, and an event tells.
func TestEnginePanic(t *testing.T) {
	f := func(onError string, mode Mode, code int, action string) {
		t.Helper()
		c := testConfig(t, echo(t).URL)
		c.Sites[0].OnError, c.Sites[0].Mode = onError, mode
		n := startNode(t, c)
		n.state.Load().judge.hook = func(r *http.Request) {
			if r.URL.Path == "/panic" {
				panic("test")
			}
		}
		for _, body := range []string{"", "a=1"} {
			resp := request(t, "POST", n.url+"/panic", body, "Content-Type", "application/x-www-form-urlencoded")
			e := n.event(t)
			if resp.StatusCode != code || e["waf.reason"] != reasonPanic || e["waf.action"] != action || e["waf.decision"] != nil {
				t.Errorf("%s %s: status %d, event %v", onError, mode, resp.StatusCode, e)
			}
			if code == 200 && text(t, resp) != body {
				t.Errorf("%s: body was changed", onError)
			}
		}
		if resp := request(t, "GET", n.url+"/", ""); resp.StatusCode != 200 {
			t.Errorf("after the panic: status %d", resp.StatusCode)
		}
	}
	f("block", ModeBlock, 503, "block")
	f("allow", ModeBlock, 200, "allow")
	f("block", ModeDetect, 200, "allow")
}

// TestOverload fills all turns: the next request is answered by on_error.
func TestOverload(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Limits.Evaluations, c.Limits.EvaluationWait = 1, 20*time.Millisecond
	n := startNode(t, c)
	entered, leave := make(chan struct{}), make(chan struct{})
	n.state.Load().judge.hook = func(r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-leave
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		if resp := request(t, "GET", n.url+"/slow", ""); resp.StatusCode != 200 {
			t.Errorf("slow request: status %d", resp.StatusCode)
		}
	})
	<-entered
	resp := request(t, "GET", n.url+"/next", "")
	e := n.event(t)
	if resp.StatusCode != 503 || e["waf.reason"] != reasonOverload || e["waf.action"] != "block" {
		t.Errorf("status %d, event %v", resp.StatusCode, e)
	}
	close(leave)
	wait.Wait()
}

// TestEvaluationTime gives the rules no time for a body.
func TestEvaluationTime(t *testing.T) {
	f := func(onError string, code int) {
		t.Helper()
		c := testConfig(t, echo(t).URL)
		c.Sites[0].OnError, c.Limits.EvaluationTime = onError, time.Nanosecond
		n := startNode(t, c)
		body := "a=" + strings.Repeat("select from ", 4000)
		resp := request(t, "POST", n.url+"/", body, "Content-Type", "application/x-www-form-urlencoded")
		e := n.event(t)
		if resp.StatusCode != code || e["waf.reason"] != reasonTime {
			t.Errorf("%s: status %d, event %v", onError, resp.StatusCode, e)
		}
		if code == 200 && text(t, resp) != body {
			t.Errorf("%s: body was changed", onError)
		}
	}
	f("block", 503)
	f("allow", 200)
}

// TestClientGoesAway breaks a request off in the middle of its body.
func TestClientGoesAway(t *testing.T) {
	n := startNode(t, testConfig(t, echo(t).URL))
	ctx, cancel := context.WithCancel(context.Background())
	body := &breaking{then: cancel}
	r, err := http.NewRequestWithContext(ctx, "POST", n.url+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
		resp.Body.Close()
	}
	if e := n.event(t); e["waf.reason"] != reasonBody && e["waf.reason"] != reasonAborted {
		t.Errorf("event %v", e)
	}
}

// breaking is a body of which one part comes and then nothing.
type breaking struct {
	sent bool
	then func()
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.sent {
		b.then()
		return 0, context.Canceled
	}
	b.sent = true
	return copy(p, "a=1"), nil
}
