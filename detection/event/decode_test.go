package event

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDecoderReuse reads records of changing shapes with one decoder, whose
// guesses of names must never show.
func TestDecoderReuse(t *testing.T) {
	var d Decoder
	records := strings.Split(`{"a":1,"b":2,"c":3}
{"a":1,"c":3}
{"c":[1,2,{"a":3}],"b":{"c":{"a":1},"b":2},"a":0}
{"a":[],"b":[[1],2],"b":3,"@timestamp":"x","@timestamp":"2026-01-02T03:04:05Z","event.id":"i"}
{"b":[1,2],"event.id":"j","source.ip":"192.0.2.1"}
{}
{"source":{"ip":"192.0.2.2","port":"5"},"a":1}
{"a":1,"b":2,"c":3}`, "\n")
	for range 3 {
		for _, r := range records {
			var got, want Event
			if err := d.Decode([]byte(r), &got); err != nil {
				t.Fatal(err)
			}
			if err := new(Decoder).Decode([]byte(r), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want.AppendJSON(nil)), string(got.AppendJSON(nil))); diff != "" {
				t.Errorf("%s (-fresh decoder +used one):\n%s", r, diff)
			}
		}
	}
}

// TestDecoderReuseBeyondTheTable does so with names that are not interned.
func TestDecoderReuseBeyondTheTable(t *testing.T) {
	var d Decoder
	long := strings.Repeat("n", 300)[:MaxName]
	for _, r := range []string{`{"` + long + `":1,"a":2,"` + long + `":3}`, `{"a":1,"` + long + `":"x","b":2}`} {
		var got, want Event
		if err := d.Decode([]byte(r), &got); err != nil {
			t.Fatal(err)
		}
		if err := new(Decoder).Decode([]byte(r), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want.AppendJSON(nil)), string(got.AppendJSON(nil))); diff != "" {
			t.Errorf("%s (-fresh decoder +used one):\n%s", r, diff)
		}
	}
}

// TestResetLetsGo fills an event from a large record and then from small ones.
// Nothing that is left of the first may keep its memory.
func TestResetLetsGo(t *testing.T) {
	gone := make(chan struct{})
	var e Event
	func() {
		large := make([]byte, 1<<20)
		runtime.AddCleanup(&large[0], func(c chan struct{}) { close(c) }, gone)
		for i := range 100 {
			e.Add(Message, String(View(large[i:i+1])))
		}
	}()
	e.Reset()
	e.Add(Message, String("small"))
	for late := time.After(time.Minute); ; {
		runtime.GC()
		select {
		case <-late:
			t.Fatal("the event still holds the large text")
		case <-gone:
			if got := e.Get(Message).Text(); got != "small" {
				t.Errorf("message is %q", got)
			}
			return
		default:
			runtime.Gosched()
		}
	}
}
