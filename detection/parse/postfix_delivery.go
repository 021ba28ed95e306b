package parse

import (
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Messages of the queue manager and of the daemons that deliver mail.

// delivery reads "ADDR>, [orig_to=<ADDR>, ]relay=HOST, …, status=WORD (TEXT)" of
// smtp, lmtp, local, virtual, pipe, error, discard and bounce. The text is what
// the other host said.
func (l *postfixLine) delivery(rest string) {
	to, rest := attribute("<" + rest)
	l.e.AddText(event.EmailTo, to)
	for range 16 {
		name, value, ok := strings.Cut(strings.TrimLeft(rest, ", "), "=")
		if !ok {
			return
		}
		if name == "status" {
			l.status(value)
			return
		}
		value, rest = attribute(value)
		switch name {
		case "orig_to":
			l.e.AddText(postfixOrigTo, value)
		case "relay":
			l.relay(value)
		case "delay":
			addFloat(l.e, postfixDelay, value)
		case "delays":
			l.delays(value)
		case "dsn":
			l.e.AddText(postfixDSN, value)
		}
	}
}

func (l *postfixLine) status(s string) {
	status, why, _ := strings.Cut(s, " ")
	l.e.AddText(postfixStatus, status)
	switch status {
	case "sent", "deliverable":
		l.outcome = "success"
	default:
		l.outcome = "failure"
	}
	why = strings.TrimPrefix(why, "(")
	l.e.AddText(event.EventReason, strings.TrimSuffix(why, ")"))
}

// relay reads "HOST[ADDR]:PORT", or the name of a local transport, or none.
func (l *postfixLine) relay(s string) {
	if s == "none" {
		return
	}
	l.e.AddText(postfixRelay, s)
	l.setServer(s)
}

// setServer adds "HOST[ADDR]:PORT" as the destination; a path of a local socket
// in the brackets is none.
func (l *postfixLine) setServer(s string) {
	host, rest, ok := strings.Cut(s, "[")
	addr, port, closed := strings.Cut(rest, "]")
	if !ok || !closed || len(host) > maxHostName {
		return
	}
	if _, isIP := event.ParseIP(addr); !isIP {
		return
	}
	l.e.AddText(event.DestinationName, host)
	l.e.AddText(event.RelatedHosts, host)
	l.e.AddIP(event.DestinationIP, addr)
	l.e.AddIP(event.RelatedIP, addr)
	l.e.AddTyped(event.DestinationPort, strings.TrimPrefix(port, ":"))
}

// delays reads "a/b/c/d" in seconds.
func (l *postfixLine) delays(s string) {
	for _, k := range [...]event.Key{postfixBeforeQmgr, postfixInQmgr, postfixConnSetup, postfixTransmit} {
		var one string
		one, s, _ = strings.Cut(s, "/")
		addFloat(l.e, k, one)
	}
}

// addFloat adds a decimal number with or without a fraction as a float.
func addFloat(e *event.Event, k event.Key, s string) {
	if s == "" || len(s) > 20 || strings.Trim(s, "0123456789.") != "" {
		return
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		e.Add(k, event.Float(f))
	}
}

// queued reads "ADDR>, size=N, nrcpt=N (queue active)" and "ADDR>,
// status=expired, returned to sender" of the queue manager.
func (l *postfixLine) queued(rest string) {
	from, rest := attribute("<" + rest)
	l.e.AddText(event.EmailFrom, from)
	for range 8 {
		name, value, ok := strings.Cut(strings.TrimLeft(rest, ", "), "=")
		if !ok {
			return
		}
		value, rest = attribute(value)
		switch name {
		case "size":
			addCount(l.e, postfixSize, value)
		case "nrcpt":
			addCount(l.e, postfixRecipients, value)
		case "status":
			l.e.AddText(postfixStatus, value)
			l.action, l.outcome = "mail_expired", "failure"
		}
	}
}

func addCount(e *event.Event, k event.Key, s string) {
	if n, ok := shortInt(s); ok {
		e.AddInt(k, n)
	}
}

func (l *postfixLine) messageID(rest string) {
	l.e.AddText(event.EmailMessageID, strings.TrimSuffix(strings.TrimPrefix(rest, "<"), ">"))
}

// pickup reads "UID from=<ADDR>".
func (l *postfixLine) pickup(rest string) {
	uid, from, _ := strings.Cut(rest, " from=")
	l.e.AddText(event.UserID, uid)
	value, _ := attribute(from)
	l.e.AddText(event.EmailFrom, value)
}

// bounced reads "QUEUEID" of the notification that was made.
func (l *postfixLine) bounced(rest string) { l.e.AddText(postfixNewID, rest) }

// remoteHost reads "HOST[ADDR] said: TEXT" and "HOST[ADDR] refused to talk to
// me: TEXT".
func (l *postfixLine) remoteHost(rest string) {
	server, rest := cutClient(rest)
	l.setServer(server)
	_, text, ok := strings.Cut(rest, ": ")
	if ok {
		l.reply(text)
	}
}

// connectTo reads "HOST[ADDR]:PORT: REASON".
func (l *postfixLine) connectTo(rest string) {
	server, why := cutClient(rest)
	l.setServer(server)
	l.e.AddText(event.EventReason, strings.TrimPrefix(why, ": "))
}

// tlsSetup reads "from CLIENT" or "to SERVER".
func (l *postfixLine) tlsSetup(rest string) { l.tlsPeer(rest) }

// tls reads "from CLIENT[ to NAME]: TLSv1.3 with cipher NAME (N/N bits)…" or the
// same "to SERVER".
func (l *postfixLine) tls(rest string) {
	rest = l.tlsPeer(rest)
	_, rest, ok := strings.Cut(rest, ": ")
	version, rest, with := strings.Cut(rest, " with cipher ")
	if !ok || !with {
		return
	}
	if number, isTLS := strings.CutPrefix(version, "TLSv"); isTLS {
		l.e.AddText(event.TLSVersionProtocol, "tls")
		l.e.AddText(event.TLSVersion, number)
	}
	cipher, _, _ := strings.Cut(rest, " ")
	l.e.AddText(event.TLSCipher, cipher)
}

func (l *postfixLine) tlsPeer(s string) (rest string) {
	if from, ok := strings.CutPrefix(s, "from "); ok {
		client, rest := cutClient(from)
		l.setClient(client)
		return rest
	}
	server, rest := cutClient(strings.TrimPrefix(s, "to "))
	l.setServer(server)
	return rest
}
