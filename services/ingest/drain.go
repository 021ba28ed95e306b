package ingest

import (
	"context"
	"time"
)

// drainTime is for what senders have on the way when the server stops.
const drainTime = 250 * time.Millisecond

// drain gives a goroutine that reads from a socket a last while when a context has
// ended. That begins when the goroutine says so and not when the context ends: what
// lies in the socket by then is read however late the goroutine is run.
type drain struct {
	ctx      context.Context
	deadline func(time.Time) error // of reading
	woken    chan struct{}         // closed once the deadline was moved to end a read
	begun    bool
}

// drainAfter ends the read of the moment when ctx ends. What it returns is of one
// goroutine; forget is called when that reads no more.
func drainAfter(ctx context.Context, deadline func(time.Time) error) (d *drain, forget func() bool) {
	d = &drain{ctx: ctx, deadline: deadline, woken: make(chan struct{})}
	return d, context.AfterFunc(ctx, func() {
		defer close(d.woken)
		_ = deadline(time.Now()) // a dead socket ends the read anyway
	})
}

// begin gives the last while if the context has ended, and tells whether it did: it
// is given once.
func (d *drain) begin() bool {
	if d.begun || d.ctx.Err() == nil {
		return false
	}
	<-d.woken
	d.begun = true
	_ = d.deadline(time.Now().Add(drainTime)) // as above
	return true
}
