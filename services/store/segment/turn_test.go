package segment

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Whoever waits for the only processor gets it between the columns of a block that
// is encoded. Being interrupted too only adds to its turns.
func TestSealGivesWay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const fields = 40
	var events []event.Event
	for i := range 100 {
		var e event.Event
		e.ID = fmt.Sprint(i)
		for k := range fields {
			e.AddText(event.Intern(fmt.Sprint("labels.turn", k)), fmt.Sprint(i*k))
		}
		events = append(events, e)
	}
	b := build(events)
	var turns atomic.Int32
	var done atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !done.Load() {
			turns.Add(1)
			runtime.Gosched()
		}
	}()
	runtime.Gosched()
	new(Sealer).Seal(b)
	got := turns.Load()
	done.Store(true)
	<-ended
	if got < fields {
		t.Errorf("another goroutine had %d turns in %d columns", got, fields)
	}
}
