package waf

import (
	"net/http"
	"time"
)

// answer is the way back to the client; it remembers what went over it.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	status  int
	sent    int64
}

func newAnswer(w http.ResponseWriter, idle time.Duration) *answer {
	return &answer{ResponseWriter: w, control: http.NewResponseController(w), idle: idle}
}

// Unwrap lets [http.ResponseController] flush and hijack.
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
	// A client that takes nothing for so long is gone. The deadline is lifted
	// again because a stream may well be silent between two writes.
	deadline := a.control.SetWriteDeadline(time.Now().Add(a.idle)) == nil
	n, err := a.ResponseWriter.Write(b)
	if deadline && err == nil {
		_ = a.control.SetWriteDeadline(time.Time{})
	}
	a.sent += int64(n)
	return n, err
}
