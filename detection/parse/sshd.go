package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "sshd",
		Summary: "OpenSSH server, with or without a syslog header",
		Parse: func(raw []byte, c *Context, e *event.Event) error {
			return readProgram("sshd", readSSHD, raw, c, e)
		},
	})
	registerContent("sshd", readSSHD)
}

var (
	sshdMethod      = event.Intern("sshd.method")
	sshdInvalidUser = event.Intern("sshd.invalid_user") // the account does not exist
	sshdPreauth     = event.Intern("sshd.preauth")      // before authentication was complete
	sshdKeyType     = event.Intern("sshd.key.type")
	sshdKey         = event.Intern("sshd.key.fingerprint")
	sshdSession     = event.Intern("sshd.session")
)

// sshdForm is one form of message, known by how it begins. Names of users, what
// a client sent as its version and why it disconnects are written by the client,
// so each read function takes the address from where sshd alone can have put it.
type sshdForm struct {
	prefix   string
	read     func(l *sshdLine, rest string)
	category string
	action   string
	outcome  string
}

// sshdForms are tried in order. Where several prefixes fit, the first wins.
var sshdForms = []sshdForm{
	{"Failed ", (*sshdLine).attempt, "authentication", "ssh_login", "failure"},
	{"Accepted ", (*sshdLine).attempt, "authentication", "ssh_login", "success"},
	{"Postponed ", (*sshdLine).attempt, "authentication", "ssh_login_postponed", "unknown"},
	{"Partial ", (*sshdLine).attempt, "authentication", "ssh_login_postponed", "unknown"},
	{"Invalid user ", (*sshdLine).invalidUser, "authentication", "ssh_invalid_user", "failure"},
	{"Illegal user ", (*sshdLine).invalidUser, "authentication", "ssh_invalid_user", "failure"},
	{"input_userauth_request: invalid user ", (*sshdLine).onlyUser, "authentication", "ssh_invalid_user", ""},
	{"maximum authentication attempts exceeded for ", (*sshdLine).exceeded, "authentication", "ssh_too_many_attempts", "failure"},
	{"PAM: ", (*sshdLine).pamError, "authentication", "pam_authentication", "failure"},
	{"pam_", (*sshdLine).pam, "authentication", "", ""},
	{"(pam_", (*sshdLine).pam, "authentication", "", ""},
	{"PAM ", (*sshdLine).pamMore, "authentication", "pam_authentication", "failure"},
	{"User ", (*sshdLine).notAllowed, "authentication", "ssh_user_not_allowed", "failure"},
	{"ROOT LOGIN REFUSED FROM ", (*sshdLine).leading, "authentication", "ssh_root_refused", "failure"},
	{"Access denied for user ", (*sshdLine).accessDenied, "authentication", "ssh_user_not_allowed", "failure"},
	{"Authentication refused: ", (*sshdLine).reason, "authentication", "ssh_login", "failure"},
	{"Connection closed by ", (*sshdLine).closed, "network", "ssh_disconnect", ""},
	{"Connection reset by ", (*sshdLine).closed, "network", "ssh_disconnect", ""},
	{"Disconnected from ", (*sshdLine).closed, "network", "ssh_disconnect", ""},
	{"Disconnecting: ", (*sshdLine).disconnecting, "network", "ssh_disconnect", ""},
	{"Disconnecting ", (*sshdLine).closed, "network", "ssh_disconnect", "failure"},
	{"Received disconnect from ", (*sshdLine).received, "network", "ssh_disconnect", ""},
	{"Connection from ", (*sshdLine).connection, "network", "ssh_connect", ""},
	{"Did not receive identification string from ", (*sshdLine).leading, "network", "ssh_no_identification", "failure"},
	{"Bad protocol version identification ", (*sshdLine).badVersion, "network", "ssh_bad_identification", "failure"},
	{"banner exchange: Connection from ", (*sshdLine).leading, "network", "ssh_bad_identification", "failure"},
	{"kex_exchange_identification: ", (*sshdLine).reason, "network", "ssh_bad_identification", "failure"},
	{"Unable to negotiate with ", (*sshdLine).leading, "network", "ssh_negotiation", "failure"},
	{"Unable to negotiate a ", (*sshdLine).reason, "network", "ssh_negotiation", "failure"},
	{"no matching ", (*sshdLine).reason, "network", "ssh_negotiation", "failure"},
	{"Read from socket failed: ", (*sshdLine).reason, "network", "ssh_disconnect", "failure"},
	{"Timeout before authentication for connection from ", (*sshdLine).leading, "network", "ssh_timeout", "failure"},
	{"Timeout before authentication for ", (*sshdLine).leading, "network", "ssh_timeout", "failure"},
	{"ssh_dispatch_run_fatal: Connection from ", (*sshdLine).closed, "network", "ssh_protocol_error", "failure"},
	{"Magic value check failed ", (*sshdLine).magic, "network", "ssh_bad_identification", "failure"},
	{"Read error from remote host ", (*sshdLine).leading, "network", "ssh_disconnect", ""},
	{"refused connect from ", (*sshdLine).refused, "network", "ssh_refused", "failure"},
	{"drop connection ", (*sshdLine).dropped, "network", "ssh_refused", "failure"},
	{"Address ", (*sshdLine).address, "network", "ssh_reverse_mapping", ""},
	{"reverse mapping checking getaddrinfo for ", (*sshdLine).reverse, "network", "ssh_reverse_mapping", ""},
	{"Starting session: ", (*sshdLine).session, "session", "ssh_session_start", ""},
	{"Close session: ", (*sshdLine).session, "session", "ssh_session_end", ""},
}

// sshdLine is a message on its way into an event.
type sshdLine struct {
	e       *event.Event
	form    *sshdForm
	action  string
	outcome string
	preauth bool
	closing bool // the message ends a connection
}

// readSSHD reads a message of sshd, sshd-session or sshd-auth.
func readSSHD(_, message string, _ *Context, e *event.Event) (bool, error) {
	e.Dataset = "sshd"
	text := strings.TrimRight(message, " ")
	l := sshdLine{e: e}
	text, l.preauth = strings.CutSuffix(text, " [preauth]")
	text = l.level(text)
	for i := range sshdForms {
		form := &sshdForms[i]
		rest, ok := strings.CutPrefix(text, form.prefix)
		if !ok {
			continue
		}
		l.form, l.action, l.outcome = form, form.action, form.outcome
		form.read(&l, rest)
		break
	}
	if l.form == nil {
		e.AddText(event.Message, message)
		return true, nil
	}
	l.finish()
	e.AddText(event.Message, message)
	return true, nil
}

// level takes the level off that sshd writes before its own messages.
func (l *sshdLine) level(s string) string {
	for _, level := range [...]string{"error", "fatal", "debug1", "debug2", "debug3"} {
		if rest, ok := strings.CutPrefix(s, level); ok && strings.HasPrefix(rest, ": ") {
			l.e.AddText(event.LogLevel, level)
			return rest[2:]
		}
	}
	return s
}

// finish adds what follows from the form.
func (l *sshdLine) finish() {
	e := l.e
	if l.preauth {
		e.Add(sshdPreauth, event.Bool(true))
		if l.closing && l.outcome == "" { // the client left without being let in
			l.outcome = "failure"
		}
	}
	e.AddText(event.EventCategory, l.form.category)
	switch l.action {
	case "ssh_login", "pam_authentication", "ssh_session_start":
		e.AddText(event.EventType, "start")
	case "ssh_connect":
		e.AddText(event.EventType, "connection")
		e.AddText(event.EventType, "start")
	case "ssh_session_end":
		e.AddText(event.EventType, "end")
	case "ssh_disconnect":
		e.AddText(event.EventType, "connection")
		e.AddText(event.EventType, "end")
	default:
		e.AddText(event.EventType, "info")
	}
	e.AddText(event.EventAction, l.action)
	e.AddText(event.EventOutcome, l.outcome)
}

// attempt reads "METHOD for [invalid user ]USER from ADDR port N ssh2[: INFO]".
func (l *sshdLine) attempt(rest string) {
	method, rest, ok := strings.Cut(rest, " for ")
	if !ok || strings.IndexByte(method, ' ') >= 0 {
		l.e.AddText(event.EventReason, method)
		return
	}
	l.e.AddText(sshdMethod, method)
	invalid, rest := cutInvalid(rest)
	// Only these two methods say more after the protocol, and part of it comes
	// from the client too.
	info := method == "publickey" || method == "hostbased"
	user, p, ok := findPeer(rest, " from ", invalid, info)
	l.setUser(user, invalid, ok)
	if !ok {
		return
	}
	l.setPeer(p)
	if _, key, ok := strings.Cut(p.rest, ": "); ok && info {
		l.setKey(key)
	}
	// A client offers its keys one by one: that one was refused says nothing
	// about the login.
	if method == "publickey" && !invalid && l.outcome == "failure" {
		l.action, l.outcome = "ssh_key_refused", "unknown"
	}
}

func (l *sshdLine) setKey(info string) {
	kind, rest, ok := strings.Cut(info, " ")
	if !ok {
		return
	}
	fingerprint, _, _ := strings.Cut(rest, " ")
	l.e.AddText(sshdKeyType, kind)
	l.e.AddText(sshdKey, strings.TrimSuffix(fingerprint, ","))
}

// invalidUser reads "USER from ADDR[ port N]".
func (l *sshdLine) invalidUser(rest string) {
	user, p, ok := findPeer(rest, " from ", true, false)
	l.setUser(user, true, ok)
	if ok {
		l.setPeer(p)
	}
}

func (l *sshdLine) onlyUser(rest string) { l.setUser(rest, true, true) }

// exceeded reads "[invalid user ]USER from ADDR port N ssh2".
func (l *sshdLine) exceeded(rest string) {
	invalid, rest := cutInvalid(rest)
	user, p, ok := findPeer(rest, " from ", invalid, false)
	l.setUser(user, invalid, ok)
	if ok {
		l.setPeer(p)
	}
}

// notAllowed reads "USER from ADDR not allowed because REASON", where the user
// has an account. The address may be missing.
func (l *sshdLine) notAllowed(rest string) {
	who, why, ok := strings.Cut(rest, " not allowed because ")
	if !ok {
		l.form = &sshdForm{category: "authentication"}
		l.action, l.outcome = "", ""
		return
	}
	l.e.AddText(event.EventReason, why)
	user, host, ok := strings.Cut(who, " from ")
	l.setUser(user, false, true)
	if p, isPeer := readPeer(host); ok && isPeer {
		l.setPeer(p)
	}
}

func (l *sshdLine) accessDenied(rest string) {
	user, why, ok := strings.Cut(rest, " by ")
	l.setUser(user, false, ok)
	l.e.AddText(event.EventReason, why)
}

func (l *sshdLine) reason(rest string) { l.e.AddText(event.EventReason, rest) }

// leading reads "ADDR[ port N][: REASON]".
func (l *sshdLine) leading(rest string) {
	p, ok := readPeer(rest)
	if !ok {
		return
	}
	l.setPeer(p)
	if why, ok := strings.CutPrefix(p.rest, ":"); ok {
		l.e.AddText(event.EventReason, strings.TrimLeft(why, " "))
	}
}

// connection reads "ADDR port N on ADDR port N".
func (l *sshdLine) connection(rest string) {
	p, ok := readPeer(rest)
	if !ok {
		return
	}
	l.setPeer(p)
	if local, ok := strings.CutPrefix(p.rest, " on "); ok {
		if p, ok := readPeer(local); ok {
			l.e.AddIP(event.DestinationIP, p.addr)
			l.e.AddTyped(event.DestinationPort, p.port)
		}
	}
}

// closed reads "[authenticating user USER |invalid user USER |user USER ]ADDR[
// port N][: REASON]".
func (l *sshdLine) closed(rest string) {
	l.closing = true
	user, named := "", false
	invalid := false
	for _, kind := range [...]string{"authenticating user ", "invalid user ", "user "} {
		if user, named = strings.CutPrefix(rest, kind); named {
			invalid = kind == "invalid user "
			break
		}
	}
	if !named {
		if before, after, ok := strings.Cut(rest, " user "); ok && strings.IndexByte(before, ' ') < 0 {
			user = after // a kind of user that is new to us
		} else {
			l.leading(rest)
			return
		}
	}
	// The name is the client's where there is no such account; the reason never
	// is but for names again, so with several addresses none can be told.
	name, p, ok := findPeer(" "+user, " ", invalid, l.form.prefix == "Disconnecting ")
	l.setUser(strings.TrimPrefix(name, " "), invalid, ok)
	if !ok {
		return
	}
	l.setPeer(p)
	if why, ok := strings.CutPrefix(p.rest, ": "); ok {
		l.e.AddText(event.EventReason, why)
	}
}
