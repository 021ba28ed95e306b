package waf

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

// judgedResponses is a node that judges the responses of an upstream, whose
// handler is given the judge.
func judgedResponses(t *testing.T, onError string, limits Limits, answer func(*judge, http.ResponseWriter)) *running {
	t.Helper()
	var j *judge
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(j, w) }))
	t.Cleanup(upstream.Close)
	c := testConfig(t, upstream.URL)
	limits.ShutdownTimeout = c.Limits.ShutdownTimeout
	c.Limits, c.Sites[0].OnError = limits, onError
	c.Sites[0].Rules = Settings{InspectResponses: true, ResponseBodyBytes: 40_000}
	n := startNode(t, c)
	j = n.state.Load().judge
	return n
}

// writePage answers with a page of a size.
func writePage(w http.ResponseWriter, size int) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, strings.Repeat("x", size))
}

// TestResponseNotJudged lets the judging of a response fail in each way that
// does not end with the upstream: on_error decides, and an event tells.
func TestResponseNotJudged(t *testing.T) {
	const size = 50_000
	f := func(reason string, limits Limits, answer func(*judge, http.ResponseWriter), after func(*judge)) {
		t.Helper()
		for onError, code := range map[string]int{actionBlock: 503, actionAllow: 200} {
			n := judgedResponses(t, onError, limits, answer)
			resp := request(t, "GET", n.url+"/page", "")
			e := n.event(t)
			after(n.state.Load().judge)
			if resp.StatusCode != code || e["waf.reason"] != reason || e["waf.decision"] != "allow" || (e["waf.action"] == actionBlock) != (code == 503) {
				t.Errorf("%s, on_error %s: status %d, event %v", reason, onError, resp.StatusCode, e)
			}
			if got := text(t, resp); (got == strings.Repeat("x", size)) != (code == 200) {
				t.Errorf("%s, on_error %s: %d bytes arrived", reason, onError, len(got))
			}
			n.stop()
		}
	}
	nothing := func(*judge) {}
	short := 20 * time.Millisecond
	// Other responses hold the memory, until less than twice the body is left.
	memory := Limits{BodyBufferBytes: bodyInMemory, EvaluationWait: short}
	const held = bodyInMemory - 2*40_000 + 1
	f(reasonOverload, memory, func(j *judge, w http.ResponseWriter) {
		if !j.memory.TryAcquire(held) {
			t.Error("memory is taken")
		}
		writePage(w, size)
	}, func(j *judge) { j.memory.Release(held) })
	// Other requests are in the rules.
	f(reasonOverload, Limits{Evaluations: 3, EvaluationWait: short}, func(j *judge, w http.ResponseWriter) {
		for !j.light.places.TryAcquire(3) { // the request leaves its turn soon after it was judged
			runtime.Gosched()
		}
		writePage(w, size)
	}, func(j *judge) {
		j.light.places.Release(3)
	})
	// Other bodies are in the rules.
	f(reasonOverload, Limits{Evaluations: 3, EvaluationWait: short}, func(j *judge, w http.ResponseWriter) {
		for !j.heavy.places.TryAcquire(1) { // the request leaves its turn soon after it was judged
			runtime.Gosched()
		}
		writePage(w, size)
	}, func(j *judge) { j.heavy.places.Release(1) })
	f(reasonTime, Limits{}, func(j *judge, w http.ResponseWriter) {
		j.time = time.Nanosecond // from now on: the request has been judged
		writePage(w, size)
	}, nothing)
}

// TestResponseOverShare asks for a page when the client holds all the memory
// that one may: it does not get it unjudged, whatever on_error says.
func TestResponseOverShare(t *testing.T) {
	client := netip.MustParseAddr("127.0.0.1")
	const share = bodyInMemory / clientPart
	n := judgedResponses(t, actionAllow, Limits{BodyBufferBytes: bodyInMemory, EvaluationWait: 20 * time.Millisecond}, func(j *judge, w http.ResponseWriter) {
		if !j.held.try(client, share) {
			t.Error("share is taken")
		}
		writePage(w, 5000)
	})
	resp := request(t, "GET", n.url+"/page", "")
	if e := n.event(t); resp.StatusCode != 503 || e["waf.reason"] != reasonShare || e["waf.action"] != actionBlock {
		t.Errorf("status %d, event %v", resp.StatusCode, e)
	}
	n.state.Load().judge.held.give(client, share)
}

// TestResponseMemory asks for more pages than there is memory for at a time:
// all come, one after the other, and the memory is given back.
func TestResponseMemory(t *testing.T) {
	n := judgedResponses(t, actionBlock, Limits{BodyBufferBytes: bodyInMemory, EvaluationWait: patience}, func(_ *judge, w http.ResponseWriter) {
		writePage(w, 50_000)
	})
	const requests = 8
	codes := make(chan string, requests)
	for range requests {
		go func() {
			r, err := http.NewRequest("GET", n.url+"/page", nil)
			if err != nil {
				codes <- err.Error()
				return
			}
			r.Host = "shop.example"
			r.Header.Set("User-Agent", "x")
			r.Header.Set("Accept", "*/*")
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				codes <- err.Error()
				return
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			codes <- fmt.Sprint(resp.StatusCode, len(b), err)
		}()
	}
	for range requests {
		if got := <-codes; got != "200 50000 <nil>" {
			t.Error(got)
		}
	}
	for range requests {
		n.event(t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.state.Load().judge.memory.Acquire(ctx, bodyInMemory); err != nil {
		t.Errorf("memory of responses was not given back: %v", err)
	}
}

// TestResponseStandsStill has an upstream stop in the part of a page that is
// held back: the client is told, and nobody waits for it any longer.
func TestResponseStandsStill(t *testing.T) {
	leave := make(chan struct{})
	n := judgedResponses(t, actionAllow, Limits{StallTimeout: 50 * time.Millisecond}, func(_ *judge, w http.ResponseWriter) {
		writePage(w, 5000)
		w.(http.Flusher).Flush()
		<-leave
	})
	defer close(leave)
	resp := request(t, "GET", n.url+"/page", "")
	if e := n.event(t); resp.StatusCode != http.StatusGatewayTimeout || e["waf.reason"] != reasonUpstream {
		t.Errorf("status %d, event %v", resp.StatusCode, e)
	}
}

// TestResponseBreaksOff has an upstream break off in the part that is held back:
// the client gets what came and sees that there is more.
func TestResponseBreaksOff(t *testing.T) {
	n := judgedResponses(t, actionBlock, Limits{}, func(_ *judge, w http.ResponseWriter) {
		w.Header().Set("Content-Length", "6000")
		writePage(w, 5000)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	resp, err := http.Get(n.url + "/page")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if len(b) != 5000 || err == nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
