package parse

import "strings"

// maxTag bounds the name of a program before its colon. RFC 3164 section 4.1.3
// has 32; programs write more.
const maxTag = 96

// read3164 reads what follows the priority in the form of RFC 3164 and in those
// that rsyslog, syslog-ng, journald and Cisco devices make of it: a time of any
// form that [Context] may have to complete, a host, a program with its process
// id. Each may be missing. It tells whether there is a time.
func (env *envelope) read3164(s string, c *Context) bool {
	s = env.readSequence(trimBOM(s))
	ns, end := leadingTime(s, c)
	if end == 0 {
		env.readTag(s)
		return false
	}
	env.time = ns
	isISO := s[0]-'0' <= 9
	s = strings.TrimLeft(s[end:], " ")
	if strings.HasPrefix(s, ":") { // Cisco: the time ends with a colon, and no host follows
		env.readCisco(strings.TrimLeft(s[1:], " "))
		return true
	}
	if env.readTag(s) {
		return true
	}
	whole := s
	env.host, s, _ = strings.Cut(s, " ")
	s = strings.TrimLeft(s, " ")
	if inner := env.readSequence(s); len(inner) < len(s) { // a relay put its header before a Cisco device's
		if ns, end := leadingTime(inner, c); end > 0 && strings.HasPrefix(inner[end:], ":") {
			env.time = ns
			env.readCisco(strings.TrimLeft(inner[end+1:], " "))
			return true
		}
		env.sequence = ""
	}
	// Many logs of applications begin with an ISO time and then a level or text:
	// there is a host only if a program follows, or a relay vouches by a priority.
	if !env.readTag(s) && isISO && env.priority < 0 && env.problem == nil {
		env.host, env.message = "", whole
	}
	return true
}

// leadingTime reads the time at the start of s, of whichever form.
func leadingTime(s string, c *Context) (ns int64, end int) {
	if len(s) == 0 || s[0]-'0' > 9 {
		return stampTime(s, c)
	}
	if ns, end = isoTime(s, c.Zone); end < len(s) && s[end] != ' ' && s[end] != ':' {
		return 0, 0
	}
	return ns, end
}

// readSequence reads the sequence number, and the star or point that marks an
// unsure clock, which Cisco devices write before the time.
func (env *envelope) readSequence(s string) string {
	i := 0
	for i < len(s) && i < 12 && s[i]-'0' <= 9 {
		i++
	}
	if i > 0 && strings.HasPrefix(s[i:], ": ") {
		env.sequence = strings.TrimLeft(s[:i-1], "0") + s[i-1:i]
		s = s[i+2:]
	}
	if len(s) > 1 && (s[0] == '*' || s[0] == '.') && monthOf(s[1:]) != 0 {
		s = s[1:]
	}
	return s
}

// readCisco reads %FACILITY-SEVERITY-MNEMONIC: text.
func (env *envelope) readCisco(s string) {
	env.message = s
	if name, _, ok := strings.Cut(s, ": "); ok && strings.HasPrefix(name, "%") && len(name) <= maxTag && !strings.Contains(name, " ") {
		env.msgID = name[1:]
	}
}

// readTag reads a program with an optional process id, as in "postfix/smtpd[12]:
// text", and leaves the rest as the message. It reports false, with the whole as
// the message, if s begins with no program.
func (env *envelope) readTag(s string) bool {
	env.message = trimBOM(s)
	n := 0
	for n < len(s) && n < maxTag && isTagByte(s[n]) {
		n++
	}
	program, procID, rest := s[:n], "", s[n:]
	switch {
	case strings.HasPrefix(rest, "["):
		end := strings.IndexByte(rest[:min(len(rest), maxTag)], ']')
		if end < 0 || strings.IndexByte(rest[:end], ' ') >= 0 {
			return false
		}
		procID, rest = rest[1:end], rest[end+1:]
		if program == "" { // some daemons write [name]: or [name]
			program, procID = procID, ""
			if program == "" || program[0]|0x20 < 'a' || program[0]|0x20 > 'z' {
				return false
			}
		}
		if rest != "" && rest[0] != ':' && rest[0] != ' ' {
			return false
		}
		rest = strings.TrimPrefix(rest, ":")
	case program != "" && endsTag(rest):
		rest = rest[1:]
	default:
		return false
	}
	env.program, env.procID = program, procID
	env.message = trimBOM(strings.TrimPrefix(rest, " "))
	env.readSolarisID()
	return true
}

// endsTag tells whether a colon here ends the name of a program: not where it
// belongs to a word such as 10.0.0.1:80 or http://.
func endsTag(rest string) bool {
	return len(rest) > 0 && rest[0] == ':' && (len(rest) == 1 || strings.IndexByte(" \t{@[\"", rest[1]) >= 0)
}

func isTagByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9 || strings.IndexByte("/_-.@()+~#*%", c) >= 0
}

// readSolarisID removes "[ID 800047 auth.info] " from the message.
func (env *envelope) readSolarisID() {
	after, ok := strings.CutPrefix(env.message, "[ID ")
	if !ok {
		return
	}
	id, text, ok := strings.Cut(after, "] ")
	if number, level, both := strings.Cut(id, " "); ok && both && !strings.Contains(level, " ") {
		if _, isNumber := shortInt(number); isNumber {
			env.msgID, env.message = number, text
		}
	}
}
