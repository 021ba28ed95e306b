package queue

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"testing"
)

// Whoever waits for the only processor gets it between the blocks of a large body
// that is packed. Being interrupted too only adds to its turns.
func TestPackingGivesWay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	body := bytes.Repeat([]byte("a line like any other\n"), 10*turnBlocks*packBlock/22)
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
	before := turns.Load()
	if _, ok := appendPacked(nil, body); !ok {
		t.Error("the body is not packed")
	}
	if got := turns.Load() - before; got < 5 {
		t.Errorf("another goroutine had %d turns", got)
	}
	done.Store(true)
	<-ended
}
