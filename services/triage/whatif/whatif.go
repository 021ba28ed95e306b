// Package whatif draws the curves of package tuning for a server: one job at a time,
// whose progress can be looked at and which can be stopped. Its start is a leaf of the
// audit log, for kept requests are read; what comes of it is figures alone.
package whatif

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrBusy means that another job is under way.
	ErrBusy = errors.New("another what-if is under way: wait until it ends, or stop it")
	// ErrStopped is why a job has failed that somebody stopped.
	ErrStopped = errors.New("stopped")
	// ErrInvalid means that a value is not one that can be.
	ErrInvalid = errors.New("is not valid")
)

// Times of a job.
const (
	maxTime  = 30 * time.Minute // it judges no more requests then, and draws of what it has
	drawTime = 5 * time.Minute  // for the rest; then it fails
)

// Options are the parts of a runner.
type Options struct {
	Live  tuning.Live
	Audit func(context.Context, audit.Leaf) (int64, error)
	Now   func() time.Time
	Log   *slog.Logger
}

// Question is what a job is asked for; From and To are told as they were written.
type Question struct {
	tuning.WhatIf
	FromText, ToText string
}

// Job is the one that is under way, or was last.
type Job struct {
	Question
	Actor    string
	Began    time.Time
	Ended    time.Time // zero while it is under way
	Progress tuning.Progress
	Found    *tuning.LiveCurves // nil until it has ended well
	Error    string             // why it failed, "" if it did not
}

// Runner runs jobs. Its methods may be called concurrently.
type Runner struct {
	Options
	draw func(context.Context, tuning.WhatIf, func(tuning.Progress)) (*tuning.LiveCurves, error)

	mu     sync.Mutex
	job    *Job
	cancel context.CancelCauseFunc
	run    sync.WaitGroup
	closed bool
}

// New makes a runner.
func New(o Options) *Runner { return &Runner{Options: o, draw: o.Live.WhatIf} }

// Start begins a job, once the audit log tells of it. [ErrBusy] means that another one
// is under way.
func (r *Runner) Start(ctx context.Context, actor string, q Question) error {
	if err := q.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	q.WhatIf = q.WithDefaults()
	run, cancel := context.WithCancelCause(context.Background())
	r.mu.Lock()
	if r.closed || r.job != nil && r.job.Ended.IsZero() {
		r.mu.Unlock()
		cancel(nil)
		return ErrBusy
	}
	before := r.job
	r.job, r.cancel = &Job{Question: q, Actor: actor, Began: r.Now()}, cancel
	r.run.Add(1)
	r.mu.Unlock()
	_, err := r.Audit(ctx, audit.Leaf{Actor: actor, Act: audit.ActRequests, Object: "what-if", Detail: map[string]string{
		"site": q.Site, "from": q.FromText, "to": q.ToText, "thresholds": words(q.Thresholds), "limit": strconv.Itoa(q.Limit),
	}})
	if err != nil {
		r.mu.Lock()
		r.job = before
		r.mu.Unlock()
		cancel(nil)
		r.run.Done()
		return err
	}
	go func() {
		defer r.run.Done()
		defer cancel(nil)
		r.judge(run)
	}()
	return nil
}

// words are numbers in words.
func words(all []int) string { return strings.Trim(fmt.Sprint(all), "[]") }

// judge does the work of the job.
func (r *Runner) judge(run context.Context) {
	ctx, cancel := context.WithTimeoutCause(run, maxTime+drawTime, fmt.Errorf("it took more than %v: ask for less", maxTime+drawTime))
	defer cancel()
	judging, enough := context.WithTimeout(ctx, maxTime)
	defer enough()
	j := r.Job()
	q := j.WhatIf
	q.Enough = judging.Done()
	found, err := r.draw(ctx, q, func(p tuning.Progress) { r.on(func(j *Job) { j.Progress = p }) })
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	r.on(func(j *Job) {
		j.Ended, j.Found = r.Now(), found
		if err != nil {
			j.Error, j.Found = err.Error(), nil
		}
	})
	switch {
	case errors.Is(err, ErrStopped), errors.Is(err, triage.ErrInvalid), errors.Is(err, triage.ErrTooMany):
	case err != nil:
		r.Log.Error("draw what-if curves", slog.String("by", j.Actor), slog.Any("error", err))
	default:
		r.Log.Info("what-if curves drawn", slog.String("by", j.Actor), slog.Int("sites", len(found.Sites)))
	}
}

// Job returns the job that is under way, or was last; nil if there was none. What it
// found must not be changed.
func (r *Runner) Job() *Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.job == nil {
		return nil
	}
	j := *r.job
	return &j
}

// on changes the job.
func (r *Runner) on(change func(*Job)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.job)
}

// Stop ends the job that is under way, if one is and it began then, and returns once it
// has ended. The zero time means any.
func (r *Runner) Stop(began time.Time) { r.end(began, false) }

// Close is Stop of any job, and none begins any more.
func (r *Runner) Close() { r.end(time.Time{}, true) }

func (r *Runner) end(began time.Time, closed bool) {
	r.mu.Lock()
	r.closed = r.closed || closed
	if !began.IsZero() && (r.job == nil || !r.job.Began.Equal(began)) {
		r.mu.Unlock()
		return
	}
	if r.cancel != nil {
		r.cancel(ErrStopped)
	}
	r.mu.Unlock()
	r.run.Wait()
}

// Wait waits until no job is under way.
func (r *Runner) Wait() { r.run.Wait() }
