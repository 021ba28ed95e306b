package parse

import (
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of structured data. Parameters beyond them stay in event.original, and
// the record is counted as one over the bounds.
const (
	maxParams     = 64
	maxParamValue = 8 << 10 // bytes
	maxParamName  = 128     // bytes of element and parameter name together
)

// dataPrefix is the ECS object of structured data.
const dataPrefix = "log.syslog.structured_data."

// is5424 tells whether what follows the priority begins as RFC 5424 has it: a
// version and then a time or its nil value. Without a priority, as in some
// files, the version must be 1 and the time a good one.
func is5424(s string, prioritized bool) bool {
	i := 0
	for i < len(s) && i < 3 && s[i]-'0' <= 9 {
		i++
	}
	if i == 0 || s[0] == '0' || i >= len(s) || s[i] != ' ' {
		return false
	}
	rest := s[i+1:]
	if !prioritized {
		_, end := isoTime(rest, nil)
		return s[:i] == "1" && end > 0
	}
	_, year := digits(rest, 0, 4)
	return year && len(rest) > 4 && rest[4] == '-' || strings.HasPrefix(rest, "- ")
}

// read5424 reads VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID
// SP STRUCTURED-DATA [SP MSG] (RFC 5424 section 6).
func (env *envelope) read5424(s string) {
	env.version, s, _ = strings.Cut(s, " ")
	stamp, s, _ := strings.Cut(s, " ")
	if stamp != "-" {
		ns, end := isoTime(stamp, nil)
		if end == 0 || end != len(stamp) {
			env.report("bad time", stamp)
		} else {
			env.time = ns
		}
	}
	for _, to := range [...]*string{&env.host, &env.program, &env.procID, &env.msgID} {
		var ok bool
		if *to, s, ok = strings.Cut(s, " "); !ok {
			env.report("short header", "")
		}
		if *to == "-" {
			*to = ""
		}
	}
	// Some senders put the whole tag of RFC 3164, process id and all, in APP-NAME.
	if name, id, ok := strings.Cut(env.program, "["); ok && env.procID == "" && len(id) > 1 {
		if digits := strings.TrimSuffix(id, "]"); len(digits) == len(id)-1 && isDigits(digits, 0) {
			env.program, env.procID = name, digits
		}
	}
	n, ok := dataEnd(s)
	if !ok {
		env.report("bad structured data", "")
		env.message = trimBOM(s)
		return
	}
	if s[:n] != "-" {
		env.data = s[:n]
	}
	env.message = trimBOM(strings.TrimPrefix(s[n:], " "))
	// rsyslog counts the space behind the tag of RFC 3164 to the message, so
	// that what it passes on in this form has one space too many.
	env.message = strings.TrimPrefix(env.message, " ")
}

// report keeps the first thing that is wrong with a header.
func (env *envelope) report(reason, detail string) {
	if env.problem == nil {
		env.problem = &Error{Reason: reason, Detail: strings.Clone(detail[:min(len(detail), 64)])}
	}
}

// dataEnd finds the end of structured data: "-", or elements in brackets that
// follow each other, where a bracket within quotes is no end.
func dataEnd(s string) (int, bool) {
	if strings.HasPrefix(s, "-") && (len(s) == 1 || s[1] == ' ') {
		return 1, true
	}
	i := 0
	for i < len(s) && s[i] == '[' {
		quoted := false
		for i++; i < len(s) && (quoted || s[i] != ']'); i++ {
			switch {
			case s[i] == '"':
				quoted = !quoted
			case s[i] == '\\' && quoted:
				i++
			}
		}
		if i >= len(s) {
			return 0, false
		}
		i++
	}
	return i, i > 0 && (i == len(s) || s[i] == ' ')
}

// addData adds each parameter of the structured data as
// log.syslog.structured_data.ELEMENT.PARAMETER.
func (env *envelope) addData(e *event.Event) error {
	s, params, over := env.data, 0, 0
	var name [len(dataPrefix) + maxParamName + 1]byte
	prefix := append(name[:0], dataPrefix...)
	for s != "" {
		n := strings.IndexAny(s, " ]") // s begins with the bracket of an element
		id := s[1:n]
		s = s[n:]
		for s[0] == ' ' {
			key, rest, ok := strings.Cut(s[1:], `="`)
			value, after, closed := quotedValue(rest)
			if !ok || !closed {
				return &Error{Reason: "bad structured data"}
			}
			s = after
			params++
			if params > maxParams || len(id)+len(key) > maxParamName || len(value) > maxParamValue {
				over++
				continue
			}
			path := append(append(append(prefix, id...), '.'), key...)
			e.AddText(event.InternBytes(path), unescapeData(value, e))
		}
		if s[0] != ']' {
			return &Error{Reason: "bad structured data"}
		}
		s = s[1:]
	}
	if over > 0 {
		return &Error{Reason: "structured data over bounds", Detail: strconv.Itoa(over) + " parameters"}
	}
	return nil
}

// quotedValue reads up to the closing quote and returns what follows it, which
// is not empty where dataEnd found the end of the element.
func quotedValue(s string) (value, after string, ok bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i], s[i+1:], i+1 < len(s)
		}
	}
	return "", "", false
}

// unescapeData resolves \" \\ and \]; another backslash stands for itself (RFC
// 5424 section 6.3.3).
func unescapeData(s string, e *event.Event) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return e.Build(func(dst []byte) []byte {
		for i := 0; i < len(s); i++ {
			if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\' || s[i+1] == ']') {
				i++
			}
			dst = append(dst, s[i])
		}
		return dst
	})
}
