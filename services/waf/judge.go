package waf

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"
)

// Limits bound what one node does at a time. The zero value is the default.
type Limits struct {
	Evaluations       int           `help:"requests in the rules at a time, half as many with their bodies beside them; one client holds a quarter; default 8 for each processor"`
	EvaluationWait    time.Duration `help:"how long a request waits for its turn before it is overload; default 2s"`
	EvaluationTime    time.Duration `help:"how long the rules may take over a phase of a request or response before it goes by on_error; default 3s"`
	BodyBufferBytes   int64         `help:"memory for bodies of requests and responses that are being judged; a request that finds none within evaluation_wait is overload, one client holds a quarter; default 256MiB"`
	Connections       int           `help:"connections of clients at a time, more wait to be taken; default 16384"`
	ClientConnections int           `help:"connections of one address (IPv6: /64) at a time, further ones are closed; trusted proxies have no bound; default 1024"`
	ClientBodies      int           `help:"bodies that one client may be sending at a time to be judged; default 128"`
	BodyRate          int64         `help:"bytes a second that a body must bring while it is read to be judged, after 20s; default 500"`
	MaxHeaderBytes    int64         `help:"size of request headers that are refused; default 64KiB"`
	HeaderTimeout     time.Duration `help:"time for a client to send its headers; default 10s"`
	StallTimeout      time.Duration `help:"how long a body may stand still, either way; default 60s"`
	IdleTimeout       time.Duration `help:"how long an idle connection is kept; default 2m"`
	ShutdownTimeout   time.Duration `help:"time for requests to end when the node stops; default 20s"`
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
	if l.ClientConnections == 0 {
		l.ClientConnections = 1 << 10
	}
	if l.ClientBodies == 0 {
		l.ClientBodies = 128
	}
	if l.BodyRate == 0 {
		l.BodyRate = 500
	}
	if l.MaxHeaderBytes == 0 {
		l.MaxHeaderBytes = 64 << 10
	}
	duration(&l.EvaluationWait, 2*time.Second)
	duration(&l.EvaluationTime, 3*time.Second)
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
	reasonShare     = "client_share"
	reasonTime      = "evaluation_time"
	reasonBody      = "request_body_unreadable"
	reasonSlow      = "request_body_slow"
	reasonTooLarge  = "request_body_too_large"
	reasonOverLimit = "request_body_over_limit"
	reasonUpstream  = "upstream_error"
	reasonAborted   = "client_aborted"
	reasonUpgrade   = "upgrade_removed"
	reasonHost      = "unknown_host"
)

var (
	errOverload = errors.New("too many requests in the rules")
	errShare    = errors.New("the client holds all that one may")
	errTime     = errors.New("the rules took too long")
	errBuffer   = errors.New("body can not be buffered")
	errClient   = errors.New("request body can not be read")
)

// judge is what every request and response passes on its way through the rules.
// It bounds how many are in there, for how long, and the memory of their bodies.
type judge struct {
	light  *turns // for requests without a body, and the headers of all
	heavy  *turns // for requests with a body
	memory *semaphore.Weighted
	held   *quota // memory by client
	bodies *quota // bodies under way by client
	wait   time.Duration
	time   time.Duration
	rate   int64               // bytes a second that a body must bring
	stall  time.Duration       // how long an upstream may send nothing of a body that is held back
	hook   func(*http.Request) // a fault that tests inject, nil in production
}

func newJudge(l Limits) *judge {
	return &judge{
		light: newTurns(l.Evaluations), heavy: newTurns(max(1, l.Evaluations/2)),
		memory: semaphore.NewWeighted(l.BodyBufferBytes), held: newQuota(part(l.BodyBufferBytes)), bodies: newQuota(int64(l.ClientBodies)),
		wait: l.EvaluationWait, time: l.EvaluationTime, stall: l.StallTimeout, rate: l.BodyRate,
	}
}

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
	if err := x.site.config.Request.check(r); err != nil {
		return whole, body{}, err
	}
	v.client, v.turns = x.payer, j.light
	err := j.timed(r.Context(), v, func() error {
		hook()
		if err := v.headers(connection{client: x.client.Addr(), port: x.client.Port(), local: x.local}, r); err != nil {
			return err
		}
		if payload == nil && v.interruption() == nil {
			return v.judgeBody()
		}
		return nil
	})
	if err == nil && payload == nil {
		err = boundOf(v.interruption())
	}
	if payload == nil || err != nil || v.tx.IsInterrupted() {
		return whole, body{}, err
	}
	v.turns = j.heavy
	return j.judgePayload(x, v, payload)
}

// reserve takes memory for a body until the evaluation is closed.
func (j *judge) reserve(ctx context.Context, v *evaluation, share int64) error {
	if share == 0 {
		return nil
	}
	if err := j.held.take(ctx, v.client, share, j.wait); err != nil {
		return err
	}
	if err := acquire(ctx, j.memory, share, j.wait, errOverload); err != nil {
		j.held.give(v.client, share)
		return err
	}
	before := v.closed
	v.closed = func() {
		j.memory.Release(share)
		j.held.give(v.client, share)
		if before != nil {
			before()
		}
	}
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
	limit := v.judgedLimit(x.site.config.Request.FormBytes)
	tooLong := &boundError{http.StatusRequestEntityTooLarge, reasonOverLimit}
	if x.request.ContentLength > limit && x.site.rejects(v) {
		return &replayed{rest: payload}, body{}, tooLong
	}
	filled, again, err := j.receive(x, v, payload, limit)
	if err != nil {
		return again, filled, err
	}
	if filled.truncated && x.site.rejects(v) {
		return again, filled, tooLong
	}
	if err = j.timed(x.request.Context(), v, v.judgeBody); err == nil {
		err = boundOf(v.interruption())
	}
	return again, filled, err
}

// receive reads the part of a body that is judged. Memory is taken as its bytes
// come, for a client may announce a body and never send it.
func (j *judge) receive(x *exchange, v *evaluation, payload *paced, limit int64) (filled body, again *replayed, err error) {
	if !j.bodies.try(v.client, 1) {
		return filled, &replayed{rest: payload}, errShare
	}
	defer j.bodies.give(v.client, 1)
	buffer := min(limit, bodyInMemory) // the rest lies on disk
	source := &arriving{
		Reader: payload, due: shareOf(buffer, x.request.ContentLength),
		take: func(n int64) error { return j.reserve(x.request.Context(), v, n) },
	}
	payload.demand(j.rate)
	began := v.spent
	err = v.guarded(func() (err error) {
		filled, err = v.fill(source, limit)
		return err
	})
	v.spent = began // it was time of the network
	payload.demand(0)
	again = &replayed{probe: filled.probe}
	if filled.truncated || filled.read == 0 || source.err != nil {
		again.rest = payload
	}
	switch {
	case err != nil && payload.err != nil:
		return filled, again, errors.Join(errClient, payload.err)
	case err != nil && source.err == nil: // what was read of the body is lost
		return filled, again, errors.Join(errBuffer, err)
	}
	if filled.read > 0 {
		judged, err := v.replay()
		if err != nil {
			return filled, again, errors.Join(errBuffer, err)
		}
		again.judged = judged
	}
	return filled, again, source.err
}

// timed waits for a turn and runs a step of the engine for no longer than the
// limit. An evaluation that is given up goes on to its next checkpoint, keeps its
// turn until then, and is closed there.
func (j *judge) timed(ctx context.Context, v *evaluation, step func() error) error {
	turns := v.turns
	if err := turns.enter(ctx, v.client, j.wait); err != nil {
		return err
	}
	v.until(time.Now().Add(j.time))
	done := make(chan error, 1)
	v.hold()
	go func() {
		defer turns.leave(v.client)
		defer v.release()
		done <- v.guarded(step)
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
	var bound *boundError
	switch {
	case errors.As(err, &tooLarge):
		return reasonTooLarge
	case errors.As(err, &bound):
		return bound.reason
	case errors.Is(err, errPanic):
		return reasonPanic
	case errors.Is(err, errOverload):
		return reasonOverload
	case errors.Is(err, errShare):
		return reasonShare
	case errors.Is(err, errTime):
		return reasonTime
	case errors.Is(err, errClient) && errors.Is(err, os.ErrDeadlineExceeded):
		return reasonSlow
	case errors.Is(err, errClient):
		return reasonBody
	case errors.Is(err, context.Canceled):
		return reasonAborted
	}
	return reasonEngine
}
