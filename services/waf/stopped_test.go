package waf

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/kept"
)

// looked is a context that ends when it was looked at so often, 0 for never.
type looked struct {
	context.Context
	most, times int
}

func (l *looked) Done() <-chan struct{} { return make(chan struct{}) }

func (l *looked) Err() error {
	if l.times++; l.most > 0 && l.times >= l.most {
		return context.Canceled
	}
	return nil
}

// TestRulesAreStopped ends the time of a request at each part of its way through the
// rules: they go no further than where they next look at it, in either phase.
func TestRulesAreStopped(t *testing.T) {
	e, err := Compile(Settings{Accelerate: accelerateOff}) // with all rules
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	looks := func(c *kept.Copy, most int) (int, error) {
		t.Helper()
		ctx := &looked{Context: t.Context(), most: most}
		_, err := e.JudgeCopy(ctx, c)
		return ctx.times, err
	}
	for _, c := range []*kept.Copy{
		{Request: *benchRequest("POST", "/", "application/x-www-form-urlencoded", "a="+strings.Repeat("x+", 1<<10))},
		{Request: *benchRequest("GET", "/?a="+strings.Repeat("x+", 1<<9), "", "")},
	} {
		all, err := looks(c, 0)
		if err != nil || all < 40 {
			t.Fatalf("%s: the rules look %d times: %v", c.Request.Method, all, err)
		}
		for at := 1; at <= all; at += max(1, all/16) {
			if n, err := looks(c, at); !errors.Is(err, context.Canceled) || n > at+1 { // it is asked for its cause once
				t.Errorf("%s: %d looks at what ended with number %d of %d: %v", c.Request.Method, n, at, all, err)
			}
		}
	}
}

// TestStoppedRulesGiveTheirTurnBack gives the rules no time.
func TestStoppedRulesGiveTheirTurnBack(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.Limits.Evaluations, c.Limits.EvaluationTime = 2, time.Nanosecond
	n := startNode(t, c)
	j := n.state.Load().judge
	for _, body := range []string{"a=" + strings.Repeat("x+", 60<<10), ""} {
		request(t, "POST", n.url+"/", body, "Content-Type", "application/x-www-form-urlencoded")
		if got := n.event(t)["waf.reason"]; got != reasonTime {
			t.Errorf("reason %v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		for turns, size := range map[*turns]int64{j.light: 2, j.heavy: 1} {
			if err := turns.places.Acquire(ctx, size); err != nil {
				t.Fatalf("a turn is not given back: %v", err)
			}
			turns.places.Release(size)
		}
		cancel()
	}
}
