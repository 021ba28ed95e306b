package waf

import (
	"net/http"
	"time"
)

// answer is the way back to the client; it remembers what went over it. Each
// write has a deadline, for a client that takes nothing for so long is gone. It
// is lifted again because a stream may well be silent between two writes.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	status  int
	sent    int64
}

func newAnswer(w http.ResponseWriter, idle time.Duration) *answer {
	a := &answer{ResponseWriter: w, control: http.NewResponseController(w), idle: idle}
	a.limit(0) // that of the request before on the same connection
	return a
}

// limit sets the deadline of writes, 0 for none. A writer that cannot have one
// (in tests) has none.
func (a *answer) limit(d time.Duration) {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = a.control.SetWriteDeadline(at)
}

// Unwrap lets [http.ResponseController] hijack.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.limit(a.idle)
	n, err := a.ResponseWriter.Write(b)
	if err == nil {
		a.limit(0)
	}
	a.sent += int64(n)
	return n, err
}

// FlushError is called by [http.ResponseController].
func (a *answer) FlushError() error {
	a.limit(a.idle)
	err := a.control.Flush()
	if err == nil {
		a.limit(0)
	}
	return err
}
