package parse

import (
	"strconv"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "json",
		Summary: "any JSON object: keeps its names and finds time, level, message, addresses and requests in them",
		Parse:   parseJSON,
	})
}

// parseJSON reads any JSON object. Its fields keep their names, nested ones
// dotted; those that [aliasOf] knows are added under their ECS name too, where
// ECS has no value yet and the record gives one value only.
func parseJSON(raw []byte, c *Context, e *event.Event) error {
	if err := decodeObject(raw, e); err != nil {
		return err
	}
	if e.Time == 0 {
		e.Time = findTimeField(c, e)
	}
	var found [aliasCount]candidate
	for _, f := range e.Fields() {
		if a := aliasOf(f.Key.String()); a != aliasNone {
			found[a].offer(f.Value)
		}
	}
	addAliases(c, e, &found)
	addRuleMessage(e, e.Get(event.Message).Text())
	return nil
}

// candidate is the one value that aliases of a field have.
type candidate struct {
	value     event.Value
	ambiguous bool
}

func (c *candidate) offer(v event.Value) {
	switch {
	case c.value.Kind() == event.KindNone:
		c.value = v
	case !c.value.Equal(v):
		c.ambiguous = true
	}
}

// get returns the value if there is exactly one.
func (c *candidate) get() event.Value {
	if c.ambiguous {
		return event.Value{}
	}
	return c.value
}

// findTimeField returns the first field under the usual names of a time that
// holds one, 0 if none does. Numbers are Unix time in the unit of their size.
func findTimeField(c *Context, e *event.Event) int64 {
	best, at := len(timeNames), int64(0)
	for _, f := range e.Fields() {
		for i, name := range timeNames[:best] {
			if f.Key.String() != name {
				continue
			}
			if ns, ok := timeOfValue(f.Value, c); ok {
				best, at = i, ns
			}
			break
		}
	}
	return at
}

// timeNames are looked for in this order.
var timeNames = [...]string{
	"@timestamp_text", "timestamp", "time", "ts", "datetime", "date", "eventTime", "event_time", "eventtime",
	"time_iso8601", "time_local", "created_at", "Timestamp", "Time", "t",
}

func timeOfValue(v event.Value, c *Context) (int64, bool) {
	switch v.Kind() {
	case event.KindString:
		return anyTime(v.Text(), c.Zone)
	case event.KindInt:
		return event.ParseEpoch(strconv.FormatInt(v.Int(), 10))
	case event.KindFloat:
		return event.ParseEpoch(strconv.FormatFloat(v.Float(), 'f', -1, 64))
	}
	return 0, false
}
