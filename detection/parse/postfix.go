package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "postfix",
		Summary: "Postfix mail system, with or without a syslog header",
		Parse: func(raw []byte, c *Context, e *event.Event) error {
			return readProgram("postfix", readPostfix, raw, c, e)
		},
	})
	registerContent("postfix", readPostfix)
}

var (
	postfixDaemon     = event.Intern("postfix.daemon")
	postfixCommand    = event.Intern("postfix.command")
	postfixHelo       = event.Intern("postfix.helo")
	postfixProto      = event.Intern("postfix.protocol")
	postfixStatus     = event.Intern("postfix.status")
	postfixReply      = event.Intern("postfix.reply_code")
	postfixEnhanced   = event.Intern("postfix.enhanced_status") // RFC 3463
	postfixRelay      = event.Intern("postfix.relay")
	postfixOrigTo     = event.Intern("postfix.orig_to")
	postfixDelay      = event.Intern("postfix.delay") // seconds
	postfixBeforeQmgr = event.Intern("postfix.delays.before_queue_manager")
	postfixInQmgr     = event.Intern("postfix.delays.in_queue_manager")
	postfixConnSetup  = event.Intern("postfix.delays.connection_setup")
	postfixTransmit   = event.Intern("postfix.delays.transmission")
	postfixDSN        = event.Intern("postfix.dsn")
	postfixSize       = event.Intern("postfix.size") // bytes
	postfixRecipients = event.Intern("postfix.recipients")
	postfixSASLMethod = event.Intern("postfix.sasl_method")
	postfixSASLSender = event.Intern("postfix.sasl_sender")
	postfixNewID      = event.Intern("postfix.bounce_id")
	postfixStage      = event.Intern("postfix.stage")
	postfixText       = event.Intern("postfix.client_text") // what the client sent
	postfixRank       = event.Intern("postfix.dnsbl_rank")
	postfixRate       = event.Intern("postfix.anvil_rate")
)

// postfixLine is a message on its way into an event. Addresses of mail, names
// that clients give and what they send are the client's text; Postfix writes
// control characters and bytes over 127 in them as question marks.
type postfixLine struct {
	e       *event.Event
	daemon  string
	queueID string
	action  string
	outcome string
	kind    string // event.type
	auth    bool   // about a login, not only about mail
}

// readPostfix reads a message of any daemon of Postfix. The daemon is what
// follows the last slash of the program, as in postfix/submission/smtpd.
func readPostfix(program, message string, _ *Context, e *event.Event) (bool, error) {
	e.Dataset = "postfix"
	l := postfixLine{e: e, kind: "info", daemon: program[strings.LastIndexByte(program, '/')+1:]}
	text := l.level(message)
	if id, rest, ok := cutQueueID(text); ok {
		l.queueID, text = id, rest
	}
	l.read(text)
	if l.action != "" {
		e.AddText(event.EventCategory, "email")
		if l.auth {
			e.AddText(event.EventCategory, "authentication")
		}
		e.AddText(event.EventType, l.kind)
		e.AddText(event.EventAction, l.action)
		e.AddText(event.EventOutcome, l.outcome)
	}
	if program != "" {
		e.AddText(postfixDaemon, l.daemon)
	}
	e.AddText(event.EmailLocalID, l.queueID)
	e.AddText(event.Message, message)
	return true, nil
}

// level takes off the level that msg(3) of Postfix writes.
func (l *postfixLine) level(s string) string {
	for _, level := range [...]string{"warning", "error", "fatal", "panic", "info", "statistics"} {
		if rest, ok := strings.CutPrefix(s, level); ok && strings.HasPrefix(rest, ": ") {
			l.e.AddText(event.LogLevel, level)
			return rest[2:]
		}
	}
	return s
}

// cutQueueID takes off "ID: ": at least five hexadecimal digits, or the long form
// of at least ten digits and consonants (postconf(5), enable_long_queue_ids).
// NOQUEUE stands for none.
func cutQueueID(s string) (id, rest string, ok bool) {
	if rest, ok := strings.CutPrefix(s, "NOQUEUE: "); ok {
		return "", rest, true
	}
	n, short, long := 0, true, true
	for n < len(s) && n < 25 && isQueueIDByte(s[n]) {
		short = short && s[n] <= 'F'
		long = long && strings.IndexByte("aeiouAEIOU", s[n]) < 0
		n++
	}
	if (!short || n < 5) && (!long || n < 10) || !strings.HasPrefix(s[n:], ": ") {
		return "", s, false
	}
	return s[:n], s[n+2:], true
}

func isQueueIDByte(c byte) bool { return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' }

// read finds the form of a message: first by the daemon where its messages look
// like no others, then by how they begin.
func (l *postfixLine) read(s string) {
	switch l.daemon {
	case "postscreen", "dnsblog":
		if l.postscreen(s) {
			return
		}
	case "anvil":
		l.anvil(s)
		return
	}
	for i := range postfixForms {
		form := &postfixForms[i]
		if rest, ok := strings.CutPrefix(s, form.prefix); ok {
			l.action, l.outcome = form.action, form.outcome
			form.read(l, rest)
			return
		}
	}
	if !l.clientWarning(s) {
		l.daemonState(s)
	}
}

// postfixForm is one form of message, known by how it begins.
type postfixForm struct {
	prefix  string
	read    func(l *postfixLine, rest string)
	action  string
	outcome string
}

// postfixForms are tried in order. Where several prefixes fit, the first wins.
var postfixForms = []postfixForm{
	{"to=<", (*postfixLine).delivery, "mail_delivery", ""},
	{"from=<", (*postfixLine).queued, "mail_queued", ""},
	{"removed", (*postfixLine).nothing, "mail_removed", ""},
	{"message-id=", (*postfixLine).messageID, "mail_received", ""},
	{"resent-message-id=", (*postfixLine).messageID, "mail_received", ""},
	{"client=", (*postfixLine).client, "mail_client", "success"},
	{"connect from ", (*postfixLine).connect, "smtp_connect", ""},
	{"disconnect from ", (*postfixLine).disconnect, "smtp_disconnect", ""},
	{"lost connection after ", (*postfixLine).lost, "smtp_lost_connection", "failure"},
	{"timeout after ", (*postfixLine).lost, "smtp_timeout", "failure"},
	{"SSL_accept error from ", (*postfixLine).tlsError, "smtp_tls", "failure"},
	{"too many errors after ", (*postfixLine).lost, "smtp_too_many_errors", "failure"},
	{"improper command pipelining after ", (*postfixLine).pipelining, "smtp_improper_pipelining", "failure"},
	{"reject: ", (*postfixLine).reject, "mail_reject", "failure"},
	{"reject_warning: ", (*postfixLine).reject, "mail_reject_warning", "success"},
	{"milter-reject: ", (*postfixLine).reject, "mail_milter_reject", "failure"},
	{"milter-discard: ", (*postfixLine).reject, "mail_milter_discard", "failure"},
	{"milter-hold: ", (*postfixLine).reject, "mail_milter_hold", "success"},
	{"discard: ", (*postfixLine).reject, "mail_discard", "failure"},
	{"hold: ", (*postfixLine).reject, "mail_hold", "success"},
	{"redirect: ", (*postfixLine).reject, "mail_redirect", "success"},
	{"filter: ", (*postfixLine).reject, "mail_filter", "success"},
	{"warn: ", (*postfixLine).reject, "mail_warn", "success"},
	{"warning: ", (*postfixLine).reject, "mail_warn", "success"},
	{"info: ", (*postfixLine).reject, "mail_info", "success"},
	{"prepend: ", (*postfixLine).reject, "mail_prepend", "success"},
	{"replace: ", (*postfixLine).reject, "mail_replace", "success"},
	{"uid=", (*postfixLine).pickup, "mail_submitted", "success"},
	{"sender non-delivery notification: ", (*postfixLine).bounced, "mail_bounce", ""},
	{"sender delivery status notification: ", (*postfixLine).bounced, "mail_notification", ""},
	{"postmaster non-delivery notification: ", (*postfixLine).bounced, "mail_bounce", ""},
	{"sender delay notification: ", (*postfixLine).bounced, "mail_delay_notification", ""},
	{"non-SMTP command from ", (*postfixLine).nonSMTP, "smtp_non_smtp_command", "failure"},
	{"Illegal address syntax from ", (*postfixLine).illegalAddress, "smtp_illegal_address", "failure"},
	{"hostname ", (*postfixLine).hostname, "smtp_reverse_mapping", ""},
	{"setting up TLS connection ", (*postfixLine).tlsSetup, "smtp_tls", ""},
	{"Anonymous TLS connection established ", (*postfixLine).tls, "smtp_tls", "success"},
	{"Untrusted TLS connection established ", (*postfixLine).tls, "smtp_tls", "success"},
	{"Trusted TLS connection established ", (*postfixLine).tls, "smtp_tls", "success"},
	{"Verified TLS connection established ", (*postfixLine).tls, "smtp_tls", "success"},
	{"host ", (*postfixLine).remoteHost, "mail_delivery_attempt", "failure"},
	{"connect to ", (*postfixLine).connectTo, "mail_delivery_attempt", "failure"},
	{"Connection concurrency limit exceeded: ", (*postfixLine).limit, "smtp_limit_exceeded", "failure"},
	{"Connection rate limit exceeded: ", (*postfixLine).limit, "smtp_limit_exceeded", "failure"},
	{"Message delivery request rate limit exceeded: ", (*postfixLine).limit, "smtp_limit_exceeded", "failure"},
	{"Recipient address rate limit exceeded: ", (*postfixLine).limit, "smtp_limit_exceeded", "failure"},
	{"New TLS session rate limit exceeded: ", (*postfixLine).limit, "smtp_limit_exceeded", "failure"},
	{"AUTH command rate limit exceeded: ", (*postfixLine).limit, "smtp_limit_exceeded", "failure"},
}

func (l *postfixLine) nothing(string) {}

// setClient adds a client as Postfix writes it, "name[address]" or
// "name[address]:port", where the name is the result of a look-up, "unknown"
// without one.
func (l *postfixLine) setClient(s string) bool {
	name, rest, ok := strings.Cut(s, "[")
	addr, rest, closed := strings.Cut(rest, "]")
	if !ok || !closed || len(name) > maxHostName || strings.IndexByte(name, ' ') >= 0 {
		return false
	}
	if addr != "unknown" {
		addSource(l.e, addr)
	}
	if name != "unknown" && name != "" {
		l.e.AddText(event.SourceDomain, name)
		l.e.AddText(event.RelatedHosts, name)
	}
	if port, ok := strings.CutPrefix(rest, ":"); ok {
		l.setPort(port)
	}
	return true
}

// setPort adds the digits in front of s as the port of the source.
func (l *postfixLine) setPort(s string) {
	n := 0
	for n < len(s) && n < 5 && s[n]-'0' <= 9 {
		n++
	}
	l.e.AddTyped(event.SourcePort, s[:n])
}

// cutClient splits "name[address]…" behind the bracket, and behind the port
// where there is one. A name of a client has no space.
func cutClient(s string) (client, rest string) {
	i := strings.IndexByte(s, ']')
	if i < 0 {
		client, rest, _ = strings.Cut(s, " ")
		return client, rest
	}
	i++
	if i < len(s) && s[i] == ':' {
		j := i + 1
		for j < len(s) && j < i+6 && s[j]-'0' <= 9 {
			j++
		}
		if j > i+1 {
			i = j
		}
	}
	return s[:i], s[i:]
}
