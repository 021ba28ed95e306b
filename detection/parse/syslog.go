package parse

import (
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "syslog",
		Summary: "syslog of RFC 3164 and RFC 5424, and what known programs write into it",
		Parse:   parseSyslog,
	})
}

// envelope is what a syslog header says. Its strings point into the record.
type envelope struct {
	priority int // -1 if there is none
	time     int64
	host     string
	program  string
	procID   string
	sequence string // of Cisco devices

	// Of RFC 5424 only, but for the message id, which Solaris writes too.
	version string
	msgID   string
	data    string // the structured data, still escaped

	message string
	problem *Error // what is wrong with the header, nil if nothing
}

// parseSyslog reads a record with a syslog header of either form.
func parseSyslog(raw []byte, c *Context, e *event.Event) error {
	env, ok := readEnvelope(event.View(raw), c)
	if !ok {
		e.AddText(event.Message, event.View(raw))
		return &Error{Reason: "no syslog header"}
	}
	return env.into(c, e)
}

// readEnvelope reads a syslog header. It reports false where the record has
// neither a priority nor a time in front.
func readEnvelope(s string, c *Context) (env envelope, ok bool) {
	env.priority = -1
	rest, prioritized := env.readPriority(s)
	if is5424(rest, prioritized) {
		env.read5424(rest)
		return env, true
	}
	timed := env.read3164(rest, c)
	return env, timed || prioritized
}

// readPriority reads <PRI> if there is one. A number over 191, or one with
// leading zeros, is none that a facility and a severity make (RFC 3164 section
// 4.1.1, RFC 5424 section 6.2.1).
func (env *envelope) readPriority(s string) (rest string, ok bool) {
	if len(s) < 3 || s[0] != '<' || s[1]-'0' > 9 {
		return s, false
	}
	n, i := 0, 1
	for i < len(s) && i < 5 && s[i]-'0' <= 9 {
		n = n*10 + int(s[i]-'0')
		i++
	}
	if i >= len(s) || s[i] != '>' {
		return s, false
	}
	if n > 191 || s[1] == '0' && i > 2 {
		env.problem = &Error{Reason: "bad priority", Detail: s[:i+1]}
	} else {
		env.priority = n
	}
	return s[i+1:], true
}

// into fills the event: first what the message says if a parser knows its
// program, then what the header says beyond that.
func (env *envelope) into(c *Context, e *event.Event) error {
	err := readContent(env.program, env.message, c, e)
	if e.Time == 0 {
		e.Time = env.time
	}
	env.addFields(e)
	dataErr := env.addData(e)
	switch {
	case env.problem != nil:
		return env.problem
	case err != nil:
		return err
	}
	return dataErr
}

// addFields adds what the header says. log.syslog has no second copy of the
// host, the program and the process id, which are host.name and process.*.
func (env *envelope) addFields(e *event.Event) {
	if env.priority >= 0 {
		facility, severity := env.priority>>3, env.priority&7
		e.AddInt(event.SyslogPriority, int64(env.priority))
		e.AddInt(event.SyslogFacilityCode, int64(facility))
		e.AddText(event.SyslogFacilityName, facilities[facility])
		e.AddInt(event.SyslogSeverityCode, int64(severity))
		e.AddText(event.SyslogSeverityName, severities[severity])
		addMissing(e, event.LogLevel, severities[severity])
	}
	addMissing(e, event.HostName, env.host)
	addMissing(e, event.ProcessName, env.program)
	if pid, ok := shortInt(env.procID); !ok {
		e.AddText(event.SyslogProcID, env.procID)
	} else if !e.Has(event.ProcessPID) {
		e.AddInt(event.ProcessPID, pid)
	}
	e.AddText(event.SyslogVersion, env.version)
	e.AddText(event.SyslogMsgID, env.msgID)
	if n, ok := shortInt(env.sequence); ok {
		e.AddInt(event.EventSequence, n)
	}
	addMissing(e, event.Message, env.message)
}

func addMissing(e *event.Event, k event.Key, s string) {
	if s != "" && !e.Has(k) {
		e.Add(k, event.String(s))
	}
}

// shortInt reads a decimal number of at most 10 digits.
func shortInt(s string) (int64, bool) {
	if s == "" || len(s) > 10 || s[0]-'0' > 9 {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// trimBOM removes the byte order mark that some senders put before UTF-8.
func trimBOM(s string) string { return strings.TrimPrefix(s, "\xef\xbb\xbf") }

// facilities are named as syslog.conf names them.
var facilities = [...]string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
	"uucp", "cron", "authpriv", "ftp", "ntp", "security", "console", "solaris-cron",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

var severities = [...]string{
	"emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug",
}
