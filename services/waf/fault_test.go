package waf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
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

// TestBodyMemory gives all memory for bodies to one that does not come: the
// next body finds none, until the first has ended.
func TestBodyMemory(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	// The test holds the memory for a moment when it looks, which must not be too long
	// for the first body.
	c.Limits.BodyBufferBytes, c.Limits.EvaluationWait = bodyInMemory, time.Second
	c.Limits.EvaluationTime = time.Minute
	c.TrustedProxies = []string{"127.0.0.1"} // which has no bounds
	n := startNode(t, c)
	const form = "application/x-www-form-urlencoded"
	body, rest := io.Pipe()
	held := make(chan struct{})
	n.state.Load().judge.hook = func(r *http.Request) {
		if r.ContentLength < 0 {
			close(held)
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		r, err := http.NewRequest("POST", n.url+"/slow", body)
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("User-Agent", "x")
		r.Header.Set("Accept", "*/*")
		r.Host = "shop.example"
		r.Header.Set("Content-Type", form)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("slow body: status %d", resp.StatusCode)
		}
	})
	<-held
	j := n.state.Load().judge
	if _, err := io.WriteString(rest, "a="+strings.Repeat("1", 100<<10)); err != nil { // memory is taken as bytes come
		t.Fatal(err)
	}
	eventually(t, "the body takes its share", func() bool {
		left := j.memory.TryAcquire(1)
		if left {
			j.memory.Release(1)
		}
		return !left
	})
	resp := request(t, "POST", n.url+"/next", "a=1", "Content-Type", form)
	if e := n.event(t); resp.StatusCode != 503 || e["waf.reason"] != reasonOverload {
		t.Errorf("no memory: status %d, event %v", resp.StatusCode, e)
	}
	if resp := request(t, "GET", n.url+"/", ""); resp.StatusCode != 200 {
		t.Errorf("request without a body: status %d", resp.StatusCode)
	}
	if _, err := io.WriteString(rest, "a=1"); err != nil {
		t.Error(err)
	}
	rest.Close()
	wait.Wait()
	eventually(t, "the body gives its share back", func() bool { return j.memory.TryAcquire(c.Limits.BodyBufferBytes) })
	j.memory.Release(c.Limits.BodyBufferBytes)
	if resp := request(t, "POST", n.url+"/next", "a=1", "Content-Type", form); resp.StatusCode != 200 {
		t.Errorf("after the slow body: status %d", resp.StatusCode)
	}
}

// eventually waits for what another goroutine brings about.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for late := time.Now().Add(patience); !cond(); <-look.C {
		if time.Now().After(late) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestClientThatReadsNothing asks for a stream without an end: the upstream is
// let go.
func TestClientThatReadsNothing(t *testing.T) {
	ended := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			if _, err := fmt.Fprintf(w, "data: %1000d\n\n", 1); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}))
	defer upstream.Close()
	c := testConfig(t, upstream.URL)
	c.Limits.StallTimeout = 50 * time.Millisecond
	n := startNode(t, c)
	conn, err := net.Dial("tcp", n.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /events HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n")
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the stream goes on")
	}
}

// TestConnections lets one connection in at a time.
func TestConnections(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Limits.Connections = 1
	n := startNode(t, c)
	first, err := net.Dial("tcp", n.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(conn net.Conn) error {
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n")
		_, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return err
	}
	if err := ask(first); err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", n.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	_ = second.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if err := ask(second); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("second connection: %v", err)
	}
	first.Close()
	_ = second.SetReadDeadline(time.Now().Add(patience))
	if _, err := http.ReadResponse(bufio.NewReader(second), nil); err != nil {
		t.Error(err)
	}
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
