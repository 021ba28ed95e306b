package sigma

import (
	"fmt"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/gatewatch/gatewatch/detection/event"
)

// ExamplesField is the custom field of a document that holds its examples: match
// and no_match, lists of what must and what must not match. An element is one
// [Step], or has events, a list of them: a rule must match each or none, a
// correlation must fire at least once or never.
const ExamplesField = "x-examples"

// Example is one example of a rule.
type Example struct {
	Pos   Pos
	Match bool
	Steps []Step
}

// Step is one event of an example, once or several times.
type Step struct {
	Pos    Pos
	JSON   []byte // event: its fields, nested or with dotted names; nil if Raw is given
	Raw    string // raw: a record that the parser Format reads
	Format string
	Header string        // header: what stood above the record
	Repeat int           // repeat: how often, at least 1; {n} stands for how many times so far, from 1
	Every  time.Duration // every: how much later each time
}

// Bounds on what the examples of one document may hold.
const (
	maxExamples     = 1000
	maxExampleBytes = 4 << 20
	maxRepeat       = 100000
)

// Examples returns the examples of a document. The error is an [Error].
func (h *Header) Examples() ([]Example, error) {
	n := h.CustomField(ExamplesField)
	if n == nil {
		return nil, nil
	}
	r := exampleReader{reader: reader{path: h.Path}}
	members, err := r.pairs(n, ExamplesField)
	if err == nil {
		for _, m := range members {
			if m.key != "match" && m.key != "no_match" {
				err = r.fail(m.keyPos, "unknown member %q; known are match and no_match", m.key)
			} else {
				err = r.examples(m.value, m.key == "match")
			}
			if err != nil {
				break
			}
		}
	}
	if err != nil {
		err.Rule = h.Key()
		return nil, err
	}
	return r.list, nil
}

type exampleReader struct {
	reader
	list  []Example
	bytes int
}

func (r *exampleReader) examples(n *yaml.Node, match bool) *Error {
	if n.Kind != yaml.SequenceNode || len(n.Content) > maxExamples {
		return r.fail(posOf(n), "examples must be a list of at most %d", maxExamples)
	}
	for _, c := range n.Content {
		members, err := r.pairs(c, "example")
		if err != nil {
			return err
		}
		x := Example{Pos: posOf(c), Match: match}
		steps := []*yaml.Node{c}
		if events := member(members, "events"); events != nil {
			if events.value.Kind != yaml.SequenceNode || len(members) > 1 {
				return r.fail(events.keyPos, "events must be a list and stand alone")
			}
			steps = events.value.Content
		}
		for _, s := range steps {
			step, err := r.step(s)
			if err != nil {
				return err
			}
			x.Steps = append(x.Steps, step)
		}
		if len(x.Steps) == 0 {
			return r.fail(x.Pos, "example has no event")
		}
		r.list = append(r.list, x)
	}
	return nil
}

func (r *exampleReader) step(n *yaml.Node) (s Step, err *Error) {
	members, err := r.pairs(n, "example")
	if err != nil {
		return s, err
	}
	s = Step{Pos: posOf(n), Repeat: 1}
	texts := map[string]*string{"raw": &s.Raw, "format": &s.Format, "header": &s.Header}
	for _, m := range members {
		switch {
		case texts[m.key] != nil:
			*texts[m.key], err = r.text(m.value, m.key)
		case m.key == "event":
			if m.value.Kind != yaml.MappingNode {
				return s, r.fail(posOf(m.value), "event must be a mapping")
			}
			s.JSON, err = r.appendJSON(nil, m.value)
		case m.key == "repeat":
			var text string
			text, err = r.text(m.value, "repeat")
			if n, perr := strconv.Atoi(text); err == nil && perr == nil && n > 0 && n <= maxRepeat {
				s.Repeat = n
			} else if err == nil {
				err = r.fail(posOf(m.value), "repeat must be a number from 1 to %d", maxRepeat)
			}
		case m.key == "every":
			var text string
			text, err = r.text(m.value, "every")
			if d, perr := time.ParseDuration(text); err == nil && perr == nil && d >= 0 {
				s.Every = d
			} else if err == nil {
				err = r.fail(posOf(m.value), "every must be a duration such as 10s, not %q", text)
			}
		default:
			err = r.fail(m.keyPos, "unknown member %q of an example", m.key)
		}
		if err != nil {
			return s, err
		}
	}
	if (s.JSON == nil) == (s.Raw == "") || (s.Raw == "") != (s.Format == "") {
		return s, r.fail(s.Pos, "example needs either event, or raw and format")
	}
	if r.bytes += len(s.JSON) + len(s.Raw); r.bytes > maxExampleBytes {
		return s, r.fail(s.Pos, "examples are larger than %d bytes", maxExampleBytes)
	}
	return s, nil
}

// appendJSON writes a YAML value as JSON.
func (r *reader) appendJSON(dst []byte, n *yaml.Node) ([]byte, *Error) {
	n, err := r.follow(n)
	if err != nil {
		return nil, err
	}
	if len(dst) > maxExampleBytes {
		return nil, r.fail(posOf(n), "example is larger than %d bytes", maxExampleBytes)
	}
	if err := r.enter(n); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	switch n.Kind {
	case yaml.MappingNode:
		return r.appendObject(dst, n)
	case yaml.SequenceNode:
		return r.appendArray(dst, n)
	}
	v, err := r.value(n)
	if err != nil {
		return nil, err
	}
	switch v.Kind {
	case ValueNull:
		return append(dst, "null"...), nil
	case ValueBool:
		return append(dst, v.Text...), nil
	case ValueNumber:
		if _, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return append(dst, v.Text...), nil
		}
		if f, err := strconv.ParseFloat(v.Text, 64); err == nil {
			return fmt.Appendf(dst, "%g", f), nil
		}
	}
	return event.AppendQuoted(dst, v.Text), nil
}

func (r *reader) appendObject(dst []byte, n *yaml.Node) ([]byte, *Error) {
	members, err := r.pairs(n, "event")
	if err != nil {
		return nil, err
	}
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(event.AppendQuoted(dst, m.key), ':')
		if dst, err = r.appendJSON(dst, m.value); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func (r *reader) appendArray(dst []byte, n *yaml.Node) (_ []byte, err *Error) {
	dst = append(dst, '[')
	for i, c := range n.Content {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = r.appendJSON(dst, c); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}
