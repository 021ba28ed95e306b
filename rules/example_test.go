package rules

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// received is when records of examples were received.
var received = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// eventsOf makes the events of an example with the parsers that production uses. A
// record that cannot be parsed is an error: it would prove nothing.
func eventsOf(x sigma.Example) ([]*event.Event, error) {
	var list []*event.Event
	for _, s := range x.Steps {
		for n := range s.Repeat {
			e, err := eventOf(s, strconv.Itoa(n+1))
			if err != nil {
				return nil, fmt.Errorf("%v: %w", s.Pos, err)
			}
			e.Time += int64(n) * int64(s.Every)
			e.Received = e.Time
			list = append(list, e)
		}
	}
	return list, nil
}

// eventOf makes one event, with number in place of {n}.
func eventOf(s sigma.Step, number string) (*event.Event, error) {
	e := new(event.Event)
	if s.JSON != nil {
		var d event.Decoder
		return e, d.Decode(bytes.ReplaceAll(s.JSON, []byte("{n}"), []byte(number)), e)
	}
	f, ok := parse.Lookup(s.Format)
	if !ok {
		return nil, fmt.Errorf("unknown format %q", s.Format)
	}
	raw := strings.ReplaceAll(s.Raw, "{n}", number)
	return e, f.Read([]byte(raw), &parse.Context{Header: s.Header, Received: received.UnixNano()}, e)
}
