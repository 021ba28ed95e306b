package waf

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"
)

// Limits bound what one node does at a time. The zero value is the default.
type Limits struct {
	Evaluations     int           `help:"requests in the rules at a time; default 8 for each processor"`
	EvaluationWait  time.Duration `help:"how long a request waits for its turn before it is overload; default 2s"`
	EvaluationTime  time.Duration `help:"how long the rules may take over a body or a response before the request goes by on_error; default 10s"`
	BodyBufferBytes int64         `help:"memory for bodies of requests and responses that are being judged; a request that finds none within evaluation_wait is overload; default 256MiB"`
	Connections     int           `help:"connections of clients at a time, more wait to be taken; default 16384"`
	MaxHeaderBytes  int64         `help:"size of request headers that are refused; default 64KiB"`
	HeaderTimeout   time.Duration `help:"time for a client to send its headers; default 10s"`
	StallTimeout    time.Duration `help:"how long a body may stand still, either way; default 60s"`
	IdleTimeout     time.Duration `help:"how long an idle connection is kept; default 2m"`
	ShutdownTimeout time.Duration `help:"time for requests to end when the node stops; default 20s"`
}

func (l Limits) withDefaults() Limits {
	duration := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	if l.Evaluations == 0 {
		l.Evaluations = 8 * runtime.GOMAXPROCS(0)
	}
	if l.BodyBufferBytes == 0 {
		l.BodyBufferBytes = 256 << 20
	}
	if l.Connections == 0 {
		l.Connections = 16 << 10
	}
	if l.MaxHeaderBytes == 0 {
		l.MaxHeaderBytes = 64 << 10
	}
	duration(&l.EvaluationWait, 2*time.Second)
	duration(&l.EvaluationTime, 10*time.Second)
	duration(&l.HeaderTimeout, 10*time.Second)
	duration(&l.StallTimeout, time.Minute)
	duration(&l.IdleTimeout, 2*time.Minute)
	duration(&l.ShutdownTimeout, 20*time.Second)
	return l
}

// Why a request was answered against or without the rules (waf.reason).
const (
	reasonPanic     = "engine_panic"
	reasonEngine    = "engine_error"
	reasonOverload  = "overload"
	reasonTime      = "evaluation_time"
	reasonBody      = "request_body_unreadable"
	reasonTooLarge  = "request_body_too_large"
	reasonOverLimit = "request_body_over_limit"
	reasonUpstream  = "upstream_error"
	reasonAborted   = "client_aborted"
	reasonHost      = "unknown_host"
)

var (
	errOverload = errors.New("too many requests in the rules")
	errTime     = errors.New("the rules took too long")
	errBuffer   = errors.New("body can not be buffered")
	errClient   = errors.New("request body can not be read")
)

// judge is what every request and response passes on its way through the rules.
// It bounds how many are in there, for how long, and the memory of their bodies.
type judge struct {
	slots  chan struct{}
	memory *semaphore.Weighted
	wait   time.Duration
	time   time.Duration
	stall  time.Duration       // how long an upstream may send nothing of a body that is held back
	hook   func(*http.Request) // a fault that tests inject, nil in production
}

func newJudge(l Limits) *judge {
	return &judge{
		slots: make(chan struct{}, l.Evaluations), memory: semaphore.NewWeighted(l.BodyBufferBytes),
		wait: l.EvaluationWait, time: l.EvaluationTime, stall: l.StallTimeout,
	}
}

// enter waits for a turn. Waiting for the network must not take one.
func (j *judge) enter(ctx context.Context) error {
	select {
	case j.slots <- struct{}{}:
		return nil
	default:
	}
	late := time.NewTimer(j.wait)
	defer late.Stop()
	select {
	case j.slots <- struct{}{}:
		return nil
	case <-late.C:
		return errOverload
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *judge) leave() { <-j.slots }

// run puts a request through the request phases. payload is the client's body,
// nil if there is none. The replayed body that it returns is to be sent to the
// upstream in place of payload, also after an error.
func (j *judge) run(x *exchange, v *evaluation, payload *paced) (*replayed, body, error) {
	r := x.request
	hook := func() {}
	if j.hook != nil {
		hook = func() { j.hook(r) }
	}
	whole := &replayed{}
	if payload != nil {
		whole.rest = payload
	}
	if err := j.enter(r.Context()); err != nil {
		return whole, body{}, err
	}
	err := v.guarded(func() error {
		if err := v.headers(connection{client: x.client.Addr(), port: x.client.Port(), local: x.local}, r); err != nil {
			return err
		}
		if payload == nil && v.interruption() == nil {
			return v.judgeBody()
		}
		return nil
	}, hook)
	j.leave()
	if payload == nil || err != nil || v.tx.IsInterrupted() {
		return whole, body{}, err
	}
	return j.judgePayload(x, v, payload)
}

// reserve takes memory for a body until the evaluation is closed.
func (j *judge) reserve(ctx context.Context, v *evaluation, share int64) error {
	if share == 0 {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, j.wait)
	defer cancel()
	if err := j.memory.Acquire(waiting, share); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errOverload
	}
	v.reserved += share
	v.closed = func() { j.memory.Release(v.reserved) }
	return nil
}

// shareOf is how much of a body of a length, -1 if that is not known, a buffer
// of a size holds.
func shareOf(size, length int64) int64 {
	if length < 0 {
		return size
	}
	return min(size, length)
}

// judgePayload reads the body and judges it.
func (j *judge) judgePayload(x *exchange, v *evaluation, payload *paced) (*replayed, body, error) {
	var filled body
	buffer := min(v.engine.settings.RequestBodyBytes, bodyInMemory) // the rest lies on disk
	if err := j.reserve(x.request.Context(), v, shareOf(buffer, x.request.ContentLength)); err != nil {
		return &replayed{rest: payload}, filled, err
	}
	began := v.spent
	err := v.guarded(func() (err error) {
		filled, err = v.fill(payload)
		return err
	}, nil)
	v.spent = began // it was time of the network
	again := &replayed{probe: filled.probe}
	if filled.truncated || filled.read == 0 {
		again.rest = payload
	}
	if err != nil && payload.err != nil {
		return again, filled, errors.Join(errClient, payload.err)
	}
	if err != nil { // what was read of the body is lost
		return again, filled, errors.Join(errBuffer, err)
	}
	if filled.read > 0 {
		if again.judged, err = v.replay(); err != nil {
			return again, filled, err
		}
	}
	return again, filled, j.timed(x.request.Context(), v, v.judgeBody)
}

// timed waits for a turn and runs a step of the engine for no longer than the
// limit. The rules cannot be stopped: an evaluation that is given up goes on,
// keeps its turn, and is closed when it ends.
func (j *judge) timed(ctx context.Context, v *evaluation, step func() error) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	v.hold()
	go func() {
		defer j.leave()
		defer v.release()
		done <- v.guarded(step, nil)
	}()
	late := time.NewTimer(j.time)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		v.abandoned = true
		return errTime
	}
}

// reasonOf names an error of judging for events and metrics.
func reasonOf(err error) string {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return reasonTooLarge
	case errors.Is(err, errPanic):
		return reasonPanic
	case errors.Is(err, errOverload):
		return reasonOverload
	case errors.Is(err, errTime):
		return reasonTime
	case errors.Is(err, errClient):
		return reasonBody
	case errors.Is(err, context.Canceled):
		return reasonAborted
	}
	return reasonEngine
}
