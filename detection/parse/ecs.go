package parse

import (
	"strings"
	"sync"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "ecs",
		Summary: "JSON with ECS names, flat and dotted or nested, as Beats and Elastic Agent send it",
		Parse:   parseECS,
	})
}

// parseECS reads a JSON object with the names and types of ECS. event.dataset
// and event.id are taken from it, see [decodeObject].
func parseECS(raw []byte, _ *Context, e *event.Event) error {
	return decodeObject(raw, e)
}

var decoders = sync.Pool{New: func() any { return new(event.Decoder) }}

// decodeObject reads a JSON object into an event. What only Gatewatch says of an
// event is not taken from a sender: when it was received, from which source, its
// raw bytes, the datasets of findings, verdicts and copies of requests, and the
// fields of the first two. These stay in event.original alone.
func decodeObject(raw []byte, e *event.Event) error { return decodeFrom(raw, e, isReserved) }

// decodeFrom is decodeObject for a sender that has no say in fields that reserved
// holds of.
func decodeFrom(raw []byte, e *event.Event, reserved func(name string) bool) error {
	received, dataset := e.Received, e.Dataset
	d := decoders.Get().(*event.Decoder)
	err := d.Decode(raw, e)
	decoders.Put(d)
	e.Raw, e.Received, e.Source = raw, received, ""
	if isReserved(e.Dataset) || e.Dataset == "waf.request" {
		e.Dataset = dataset
	}
	dropFields(e, reserved)
	if err != nil {
		return &Error{"bad json", err.Error()}
	}
	return nil
}

// dropFields removes the fields that a sender has no say in.
func dropFields(e *event.Event, reserved func(name string) bool) {
	for i := 0; i < len(e.Fields()); {
		k := e.Fields()[i].Key
		if reserved(k.String()) && !k.Is(event.GatewatchFlattened) {
			e.Delete(k)
			continue
		}
		i++
	}
}

func isReserved(name string) bool {
	if name == "" || name[0] != 'g' && name[0] != 'v' && name[0] != 'f' { // nearly all names
		return false
	}
	return strings.HasPrefix(name, "gatewatch.") || strings.HasPrefix(name, "verdict.") ||
		strings.HasPrefix(name, "finding.")
}
