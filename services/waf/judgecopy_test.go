package waf

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
)

// longRequest is one that the rules need long for.
func longRequest(bytes int) *verdict.Request {
	body := "a=" + strings.Repeat("select x%20from(y)%26 <b onload=z> ", bytes/36)
	return &verdict.Request{
		ID: "long", Method: "POST", URI: "/", Proto: "HTTP/1.1", Body: []byte(body),
		Headers: append([][2]string{{"Content-Type", "application/x-www-form-urlencoded"}}, browser...),
	}
}

// endsAfter is a context that is over once it was asked so many times.
type endsAfter struct {
	context.Context
	left int
	done chan struct{}
}

func (c *endsAfter) Done() <-chan struct{} { return c.done }

func (c *endsAfter) Err() error {
	if c.left--; c.left >= 0 {
		return nil
	}
	return context.Canceled
}

// TestJudgeEnds stops the rules in the middle of a request, with and without
// acceleration, and leaves nothing behind.
func TestJudgeEnds(t *testing.T) {
	for _, accelerate := range []string{accelerateOn, accelerateOff} {
		s := CorpusSettings()
		s.Accelerate, s.Paranoia = accelerate, 4
		e, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		r := longRequest(1 << 10)
		if d, err := e.JudgeRequest(t.Context(), r); err != nil || !d.Block {
			t.Errorf("%v, %v; want a blocked request", d.Block, err)
		}
		ended := 0
		for _, left := range []int{0, 1, 2, 5} {
			ctx := &endsAfter{t.Context(), left, make(chan struct{})}
			d, err := e.JudgeRequest(ctx, r)
			if !errors.Is(err, context.Canceled) || d.Block || len(d.Scoring) > 0 {
				t.Errorf("accelerate %s, after %d questions: %+v, %v", accelerate, left, d, err)
			}
			ended++
			e.sifting.stops.contexts.Range(func(any, any) bool {
				t.Error("a context is left behind")
				return true
			})
		}
		if ended == 0 {
			t.Error("nothing was stopped")
		}
		if d, err := e.JudgeRequest(t.Context(), r); err != nil || !d.Block {
			t.Errorf("%v, %v; want a blocked request", d.Block, err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestReplayerLimit tells which requests take too long, and goes on.
func TestReplayerLimit(t *testing.T) {
	r := testReplayer(t)
	r.Limit = time.Nanosecond
	n := 0
	err := r.Run(t.Context(), replayCopies(3), func(x Replayed) error {
		if n++; !errors.Is(x.Err, errTime) || !strings.Contains(x.Err.Error(), "more than 1ns") {
			t.Errorf("%v", x.Err)
		}
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("%d requests, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	engine, err := r.Candidate("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.JudgeCopy(ctx, &kept.Copy{Request: *longRequest(10)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCheckpointsKeepChains puts nothing between rules of a chain, however they are laid out.
func TestCheckpointsKeepChains(t *testing.T) {
	rule := "SecRule ARGS \"@rx a\" \"id:1,phase:2,pass,nolog\"\n"
	text := strings.Repeat(rule, checkpointEvery-1) + "SecRule ARGS \"@rx a\" \"id:2,phase:2,deny,chain\"\nSecRule ARGS \"@rx b\" \"phase:2,t:none\"\n" + rule
	got := (&checkpoints{}).insert(text)
	if strings.Contains(got, "chain\"\nSecRule UNIQUE_ID") || strings.Count(got, checkpointOperator) != 2 || !strings.HasSuffix(got, rule) {
		t.Errorf("%s", got)
	}
}
