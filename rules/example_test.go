package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// examples is the field x-examples of a rule, as the README explains it.
type examples struct {
	Match   []example `yaml:"match"`
	NoMatch []example `yaml:"no_match"`
}

// example is one record or event, or for a correlation a sequence of them.
type example struct {
	Raw    string         `yaml:"raw"`
	Format string         `yaml:"format"`
	Header string         `yaml:"header"`
	Event  map[string]any `yaml:"event"`
	Repeat int            `yaml:"repeat"`
	Every  string         `yaml:"every"`
	Events []example      `yaml:"events"`
}

// received is when records of examples were received.
var received = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// readExamples returns the examples of a document; there must be some of each kind.
func readExamples(h *sigma.Header) (x examples, err error) {
	n := h.CustomField("x-examples")
	if n == nil {
		return x, errors.New("no x-examples")
	}
	if err := knownMembers(n); err != nil {
		return x, err
	}
	if err := n.Decode(&x); err != nil {
		return x, fmt.Errorf("read x-examples: %w", err)
	}
	if len(x.Match) == 0 || len(x.NoMatch) == 0 {
		return x, errors.New("x-examples need both match and no_match")
	}
	return x, nil
}

var exampleMembers = map[string]bool{
	"match": true, "no_match": true, "raw": true, "format": true, "header": true,
	"event": true, "repeat": true, "every": true, "events": true,
}

// knownMembers reports a misspelt member, which would make an example say less.
func knownMembers(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			if err := knownMembers(c); err != nil {
				return err
			}
		}
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if !exampleMembers[key] {
			return fmt.Errorf("line %d: unknown member %q", n.Content[i].Line, key)
		}
		if key == "event" {
			continue
		}
		if err := knownMembers(n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// sequence returns the events of an example in their order, with repetitions.
func (x *example) sequence() ([]*event.Event, error) {
	if len(x.Events) == 0 {
		return x.repeated()
	}
	var all []*event.Event
	for i := range x.Events {
		list, err := x.Events[i].repeated()
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// repeated makes the event as often as asked for, each time so much later. In raw
// and in texts of event, {n} stands for how many times, counted from 1.
func (x *example) repeated() ([]*event.Event, error) {
	var step time.Duration
	if x.Every != "" {
		var err error
		if step, err = time.ParseDuration(x.Every); err != nil {
			return nil, err
		}
	}
	var list []*event.Event
	for n := range max(x.Repeat, 1) {
		e, err := x.make(n + 1)
		if err != nil {
			return nil, err
		}
		e.Time += int64(n) * int64(step)
		e.Received = e.Time
		list = append(list, e)
	}
	return list, nil
}

func (x *example) make(n int) (*event.Event, error) {
	e, number := &event.Event{}, strconv.Itoa(n)
	if x.Event != nil {
		text, err := json.Marshal(x.Event)
		if err != nil {
			return nil, err
		}
		var d event.Decoder
		return e, d.Decode([]byte(strings.ReplaceAll(string(text), "{n}", number)), e)
	}
	f, ok := parse.Lookup(x.Format)
	if !ok {
		return nil, fmt.Errorf("unknown format %q", x.Format)
	}
	raw := []byte(strings.ReplaceAll(x.Raw, "{n}", number))
	return e, f.Read(raw, &parse.Context{Header: x.Header, Received: received.UnixNano()}, e)
}

// describe names an example in messages of tests.
func (x *example) describe(t *testing.T) string {
	t.Helper()
	text, err := yaml.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
