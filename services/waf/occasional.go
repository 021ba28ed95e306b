package waf

import (
	"sync/atomic"
	"time"
)

// occasional bounds how often a message is logged that clients can cause at
// will. Each case is counted by the metrics and told by an event all the same.
// The zero value is ready.
type occasional struct{ next atomic.Int64 }

// occasionalInterval is the least time between two messages.
const occasionalInterval = time.Second

// due tells whether a message may be logged now.
func (o *occasional) due(now time.Time) bool {
	next := o.next.Load()
	return now.UnixNano() >= next && o.next.CompareAndSwap(next, now.Add(occasionalInterval).UnixNano())
}
