package parse

import "github.com/gatewatch/gatewatch/detection/event"

var logFlags = event.Intern("log.flags")

// MarkCut marks the event of a record whose end was cut off because it is over
// the limit of its input: log.flags holds "truncated", as Beats write it, and
// error.message says so unless it says already what is wrong.
func MarkCut(e *event.Event) {
	e.AddList(logFlags, event.String("truncated"))
	if !e.Has(event.ErrorMessage) {
		e.Set(event.ErrorMessage, event.String("record is over the size limit: its end was cut off"))
	}
}
