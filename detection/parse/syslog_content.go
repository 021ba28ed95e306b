package parse

import (
	"strings"
	"unsafe"

	"github.com/gatewatch/gatewatch/detection/event"
)

// contentParser reads the message of a program whose name and process id come
// with an envelope, into an event without fields. It sets e.Dataset if the
// message is one of its format and reports whether it is.
type contentParser func(program, message string, c *Context, e *event.Event) (known bool, err error)

// contents holds the parsers of what programs write into syslog, by the name of
// the program up to a slash, a hyphen or a parenthesis.
var contents = map[string]contentParser{}

// registerContent is called in init by formats that also come in envelopes.
func registerContent(program string, p contentParser) {
	if contents[program] != nil {
		panic("parse: contents of program " + program + " are registered twice")
	}
	contents[program] = p
}

// readContent reads a message with the parser of its program; JSON is known by
// its form. What no parser knows leaves the event as it is, with the data set of
// the envelope. The message never sets identity and source of the record.
func readContent(program, message string, c *Context, e *event.Event) error {
	id, source, raw := e.ID, e.Source, e.Raw
	known, err := false, error(nil)
	if p := contentOf(program, message); p != nil {
		known, err = p(program, message, c, e)
	}
	e.ID, e.Source, e.Raw = id, source, raw
	if !known {
		e.ClearFields()
		e.Time, e.Dataset = 0, "syslog"
		return nil
	}
	return err
}

func contentOf(program, message string) contentParser {
	if strings.HasPrefix(message, "{") || strings.HasPrefix(message, "@cee:") {
		return readJSONContent
	}
	if i := strings.IndexAny(program, "/-("); i > 0 {
		program = program[:i]
	}
	return contents[program]
}

// readJSONContent reads an object, also behind the cookie of the Common Event
// Expression, with the format that its shape names.
func readJSONContent(_, message string, c *Context, e *event.Event) (bool, error) {
	message = strings.TrimLeft(strings.TrimPrefix(message, "@cee:"), " ")
	if !strings.HasPrefix(message, "{") {
		return false, nil
	}
	return readAs(jsonFormat(message), message, c, e)
}

func init() {
	registerContent("nginx", readNginxContent)
}

// readNginxContent reads what the syslog: target of nginx sends. The default tag
// is nginx for both logs. A line of either that cannot be read to its end is one
// all the same; what is like neither is plain syslog.
func readNginxContent(_, message string, c *Context, e *event.Event) (bool, error) {
	name := "nginx.access"
	if _, end := nginxErrorTime(message, nil); end > 0 {
		name = "nginx.error"
	}
	known, err := readAs(name, message, c, e)
	return known || Reason(err) != "no match", err
}

// readAs reads a message with a registered format.
func readAs(name, message string, c *Context, e *event.Event) (bool, error) {
	err := parseAs(name, unsafe.Slice(unsafe.StringData(message), len(message)), c, e)
	return err == nil, err
}

// readProgram reads a record of one program for the format of that program: with
// a syslog header, with only "program[pid]: " in front, or the bare message. A
// header of another program is not an error: the record is then what it is under
// the format syslog. A bare message must be one that the parser understands.
func readProgram(format string, p contentParser, raw []byte, c *Context, e *event.Event) error {
	s := event.View(raw)
	env, ok := readEnvelope(s, c)
	if ok || contentOf(env.program, "") != nil {
		return env.into(c, e)
	}
	known, err := p("", s, c, e)
	if !known || !e.Has(event.EventAction) {
		addMissing(e, event.Message, s)
		return &Error{Reason: "no match", Detail: "not a message of " + format}
	}
	return err
}
