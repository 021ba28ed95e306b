package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Messages of smtpd, and of cleanup about what smtpd receives.

// connect reads "CLIENT".
func (l *postfixLine) connect(rest string) {
	l.kind = "start"
	client, _ := cutClient(rest)
	l.setClient(client)
}

// disconnect reads "CLIENT COMMAND=DONE[/SEEN]…". A command that failed was seen
// more often than done.
func (l *postfixLine) disconnect(rest string) {
	l.kind = "end"
	client, rest := cutClient(rest)
	l.setClient(client)
	for range len(postfixCommands) {
		var pair string
		pair, rest, _ = strings.Cut(strings.TrimLeft(rest, " "), " ")
		name, counts, _ := strings.Cut(pair, "=")
		keys, ok := postfixCommands[name]
		if !ok {
			continue
		}
		done, seen, both := strings.Cut(counts, "/")
		if !both {
			seen = done
		}
		total, ok1 := shortInt(seen)
		good, ok2 := shortInt(done)
		if !ok1 || !ok2 {
			continue
		}
		l.e.AddInt(keys.seen, total)
		if total > good {
			l.e.AddInt(keys.failed, total-good)
		}
	}
}

type commandKeys struct{ seen, failed event.Key }

// postfixCommands are the commands that smtpd counts in a session.
var postfixCommands = func() map[string]commandKeys {
	m := map[string]commandKeys{}
	for _, name := range []string{
		"helo", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "bdat", "rset",
		"noop", "vrfy", "etrn", "quit", "xclient", "xforward", "unknown", "commands",
	} {
		m[name] = commandKeys{event.Intern("postfix.commands." + name), event.Intern("postfix.commands_failed." + name)}
	}
	return m
}()

// lost reads "COMMAND from CLIENT".
func (l *postfixLine) lost(rest string) {
	l.kind = "end"
	command, client, ok := strings.Cut(rest, " from ")
	if !ok {
		return
	}
	l.e.AddText(postfixCommand, command)
	client, rest = cutClient(client)
	l.setClient(client)
	l.e.AddText(event.EventReason, strings.TrimPrefix(rest, ": "))
}

// pipelining reads "COMMAND from CLIENT: TEXT".
func (l *postfixLine) pipelining(rest string) {
	l.kind = "denied"
	command, client, ok := strings.Cut(rest, " from ")
	if !ok {
		return
	}
	l.e.AddText(postfixCommand, command)
	l.nonSMTP(client)
}

// nonSMTP reads "CLIENT: TEXT".
func (l *postfixLine) nonSMTP(rest string) {
	l.kind = "denied"
	client, text := cutClient(rest)
	l.setClient(client)
	l.e.AddText(postfixText, strings.TrimPrefix(text, ": "))
}

// illegalAddress reads "CLIENT in COMMAND command: TEXT".
func (l *postfixLine) illegalAddress(rest string) {
	client, rest := cutClient(rest)
	l.setClient(client)
	command, text, _ := strings.Cut(strings.TrimPrefix(rest, " in "), " command: ")
	l.e.AddText(postfixCommand, command)
	l.e.AddText(postfixText, text)
}

// hostname reads "NAME does not resolve to address ADDR[: REASON]", where the
// name is what the owner of the address claims.
func (l *postfixLine) hostname(rest string) {
	name, rest, ok := strings.Cut(rest, " does not resolve to address ")
	if !ok {
		return
	}
	addr, why, _ := strings.Cut(rest, ": ")
	addSource(l.e, addr)
	l.e.AddText(event.SourceDomain, name)
	l.e.AddText(event.EventReason, why)
}

// clientWarning reads "CLIENT: TEXT", which is how failed logins are logged.
func (l *postfixLine) clientWarning(s string) bool {
	i := strings.IndexByte(s, ']')
	if i < 0 || strings.IndexByte(s[:i], ' ') >= 0 {
		return false
	}
	client, text := cutClient(s)
	text, ok := strings.CutPrefix(text, ": ")
	if !ok || !l.setClient(client) {
		return false
	}
	rest, isSASL := strings.CutPrefix(text, "SASL ")
	method, why, failed := strings.Cut(rest, " authentication failed")
	if !isSASL || !failed || strings.IndexByte(method, ' ') >= 0 {
		l.action = "smtp_warning"
		l.e.AddText(event.EventReason, text)
		return true
	}
	l.action, l.outcome, l.kind, l.auth = "smtp_auth", "failure", "start", true
	l.e.AddText(postfixSASLMethod, method)
	why, user, _ := strings.Cut(strings.TrimPrefix(why, ": "), ", sasl_username=")
	if name, ok := strings.CutPrefix(why, "sasl_username="); ok {
		why, user = "", name
	}
	l.e.AddText(event.EventReason, why)
	l.setUser(user)
	return true
}

func (l *postfixLine) setUser(name string) {
	l.e.AddText(event.UserName, name)
	l.e.AddText(event.RelatedUser, name)
}

// client reads "CLIENT[, sasl_method=M][, sasl_username=U][, sasl_sender=S]…".
func (l *postfixLine) client(rest string) {
	client, rest := cutClient(rest)
	l.setClient(client)
	for range 8 {
		var pair string
		pair, rest, _ = strings.Cut(strings.TrimPrefix(rest, ", "), ", ")
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "sasl_method":
			l.e.AddText(postfixSASLMethod, value)
		case "sasl_username":
			l.setUser(value)
			l.auth = true
		case "sasl_sender":
			l.e.AddText(postfixSASLSender, value)
		}
	}
}

// reject reads "STAGE from CLIENT: [CODE ][ENHANCED ]TEXT; from=<…> to=<…>
// proto=… helo=<…>". Of header and body checks the text of the mail comes first:
// "header Subject: … from CLIENT; from=<…>…: TEXT".
func (l *postfixLine) reject(rest string) {
	l.kind = "denied"
	if l.outcome == "success" {
		l.kind = "info"
	}
	for _, part := range [...]string{"header ", "body ", "mime-error "} {
		if strings.HasPrefix(rest, part) {
			l.contentCheck(strings.TrimSuffix(part, " "), rest)
			return
		}
	}
	stage, rest, ok := strings.Cut(rest, " from ")
	if !ok {
		l.e.AddText(event.EventReason, rest)
		return
	}
	l.e.AddText(postfixStage, stage)
	client, rest := cutClient(rest)
	l.setClient(client)
	text := strings.TrimPrefix(strings.TrimPrefix(rest, ":"), " ")
	if i := strings.LastIndex(text, "; from=<"); i >= 0 {
		l.session(text[i+2:])
		text = text[:i]
	} else if i := strings.LastIndex(text, "; proto="); i >= 0 {
		l.session(text[i+2:])
		text = text[:i]
	}
	l.reply(text)
}

// contentCheck reads what the header and body checks of cleanup say. Both the
// mail before the client and the name of the greeting behind it are the client's
// text: if that imitates the form, the client is not taken from here.
func (l *postfixLine) contentCheck(stage, s string) {
	l.e.AddText(postfixStage, stage)
	const mark = "; from=<"
	i := strings.Index(s, mark)
	if i < 0 {
		return
	}
	l.e.AddText(postfixText, s[:i])
	if strings.LastIndex(s, mark) != i {
		return
	}
	l.session(s[i+2:])
	if j := strings.LastIndex(s[:i], " from "); j >= 0 {
		l.setClient(s[j+len(" from ") : i])
	}
}

// session reads "from=<…>[,] to=<…>[,] proto=…[,] helo=<…>".
func (l *postfixLine) session(s string) {
	for range 8 {
		name, rest, ok := strings.Cut(strings.TrimLeft(s, ", "), "=")
		if !ok {
			return
		}
		var value string
		value, s = attribute(rest)
		switch name {
		case "from":
			l.e.AddText(event.EmailFrom, value)
		case "to":
			l.e.AddText(event.EmailTo, value)
		case "proto":
			l.e.AddText(postfixProto, value)
		case "helo":
			l.e.AddText(postfixHelo, value)
		case "sasl_username":
			l.setUser(value)
		}
	}
}

// attribute reads a value up to a comma or space, or in angle brackets up to
// the one that such a mark, a colon or the end follows.
func attribute(s string) (value, rest string) {
	if !strings.HasPrefix(s, "<") {
		i := strings.IndexAny(s, ", ")
		if i < 0 {
			return s, ""
		}
		return s[:i], s[i:]
	}
	for i := 1; i < len(s); i++ {
		if s[i] == '>' && (i+1 == len(s) || s[i+1] == ' ' || s[i+1] == ',' || s[i+1] == ':') {
			return s[1:i], s[i+1:]
		}
	}
	return s[1:], ""
}

// reply reads "[CODE ][ENHANCED ]TEXT" (RFC 5321 section 4.2, RFC 3463).
func (l *postfixLine) reply(s string) {
	if n, ok := digits(s, 0, 3); ok && len(s) > 3 && s[3] == ' ' {
		l.e.AddInt(postfixReply, int64(n))
		s = s[4:]
	}
	if word, rest, _ := strings.Cut(s, " "); isEnhanced(word) {
		l.e.AddText(postfixEnhanced, word)
		s = rest
	}
	l.e.AddText(event.EventReason, s)
}

// isEnhanced tells whether a word is a status such as 5.7.1.
func isEnhanced(s string) bool {
	if len(s) < 5 || len(s) > 9 || s[1] != '.' || s[0] != '2' && s[0] != '4' && s[0] != '5' {
		return false
	}
	return strings.Trim(s, "0123456789.") == "" && strings.Count(s, ".") == 2
}

// tlsError reads "CLIENT: REASON".
func (l *postfixLine) tlsError(rest string) {
	client, why := cutClient(rest)
	l.setClient(client)
	l.e.AddText(event.EventReason, strings.TrimPrefix(why, ": "))
}

// limit reads "N from CLIENT for service NAME".
func (l *postfixLine) limit(rest string) {
	l.kind = "denied"
	if _, client, ok := strings.Cut(rest, " from "); ok {
		client, rest = cutClient(client)
		l.setClient(client)
		l.e.AddText(event.EventReason, strings.TrimLeft(rest, " "))
	}
}
