package rules

import (
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
	service "github.com/gatewatch/gatewatch/services/rules"
)

// received is when records were received.
var received = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// eventsOf returns the events of an example.
func eventsOf(x sigma.Example) (list []*event.Event, err error) {
	err = service.EachEvent(x, func(e *event.Event) { list = append(list, e) })
	return list, err
}
