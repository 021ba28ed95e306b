package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// received reads "ADDR[ port N]:CODE: TEXT", where the client wrote the code
// (RFC 4253 section 11.1) and the text. Only code 11, that the client's user
// wanted to go, is no failure of its own.
func (l *sshdLine) received(rest string) {
	l.closing = true
	p, ok := readPeer(rest)
	if !ok {
		return
	}
	l.setPeer(p)
	code, why, ok := strings.Cut(strings.TrimLeft(p.rest, ": "), ":")
	if n, isNumber := shortInt(code); ok && isNumber {
		l.e.AddText(event.EventReason, strings.TrimLeft(why, " "))
		l.e.AddText(event.EventCode, code)
		if n != 11 {
			l.outcome = "failure"
		}
	}
}

// disconnecting reads a reason without an address.
func (l *sshdLine) disconnecting(rest string) {
	l.e.AddText(event.EventReason, rest)
	l.closing = true
	if user, ok := strings.CutPrefix(rest, "Too many authentication failures for "); ok {
		l.setUser(user, false, true)
		l.outcome = "failure"
	}
}

// badVersion reads "'TEXT' from ADDR[ port N]".
func (l *sshdLine) badVersion(rest string) {
	text, p, ok := findPeer(rest, " from ", true, false)
	if !ok {
		return
	}
	l.e.AddText(event.EventReason, text)
	l.setPeer(p)
}

// magic reads "(N) on obfuscated handshake from ADDR port N".
func (l *sshdLine) magic(rest string) {
	if _, p, ok := findPeer(rest, " from ", false, false); ok {
		l.setPeer(p)
	}
}

// refused reads "NAME (ADDR)" of TCP wrappers.
func (l *sshdLine) refused(rest string) {
	i := strings.LastIndex(rest, " (")
	if i < 0 || !strings.HasSuffix(rest, ")") {
		l.leading(rest)
		return
	}
	if p, ok := readPeer(rest[i+2 : len(rest)-1]); ok && p.rest == "" {
		l.setPeer(p)
	}
}

// dropped reads "#N from [ADDR]:PORT on [ADDR]:PORT REASON".
func (l *sshdLine) dropped(rest string) {
	_, rest, ok := strings.Cut(rest, " from [")
	if !ok {
		return
	}
	addr, rest, ok := strings.Cut(rest, "]:")
	if !ok {
		return
	}
	port, rest, _ := strings.Cut(rest, " ")
	l.setPeer(sshdPeer{addr: addr, port: port})
	if _, why, ok := strings.Cut(strings.TrimPrefix(rest, "on "), " "); ok {
		l.e.AddText(event.EventReason, why)
	}
}

// address reads "ADDR maps to NAME, but this does not map back to the address".
func (l *sshdLine) address(rest string) {
	addr, rest, ok := strings.Cut(rest, " maps to ")
	name, _, both := strings.Cut(rest, ", ")
	if !ok || !both {
		return
	}
	addSource(l.e, addr)
	l.e.AddText(event.SourceDomain, name)
}

// reverse reads "NAME [ADDR] failed".
func (l *sshdLine) reverse(rest string) {
	name, rest, ok := strings.Cut(rest, " [")
	addr, _, both := strings.Cut(rest, "]")
	if !ok || !both {
		return
	}
	addSource(l.e, addr)
	l.e.AddText(event.SourceDomain, strings.TrimSuffix(name, "."))
}

// session reads "WHAT for USER from ADDR port N id N" and "user USER from …".
func (l *sshdLine) session(rest string) {
	what, after, ok := strings.Cut(rest, " for ")
	if !ok {
		what, after = "", strings.TrimPrefix(rest, "user ")
	}
	l.e.AddText(sshdSession, what)
	user, host, ok := strings.Cut(after, " from ")
	if p, isPeer := readPeer(host); ok && isPeer {
		l.setUser(user, false, true)
		l.setPeer(p)
	}
}

// pamError reads "TEXT for [illegal user ]USER from ADDR[ via ADDR]".
func (l *sshdLine) pamError(rest string) {
	why, rest, ok := strings.Cut(rest, " for ")
	l.e.AddText(event.EventReason, why)
	if !ok {
		return
	}
	invalid, rest := cutInvalid(rest)
	user, p, ok := findPeer(rest, " from ", invalid, false)
	l.setUser(user, invalid, ok)
	if ok {
		l.setPeer(p)
	}
}

// pam reads "pam_unix(sshd:auth): TEXT" and the older "(pam_unix) TEXT".
func (l *sshdLine) pam(rest string) {
	_, text, ok := strings.Cut(rest, ") ")
	if i := strings.Index(rest, "): "); i >= 0 {
		text, ok = rest[i+3:], true
	}
	if !ok {
		return
	}
	switch {
	case strings.HasPrefix(text, "authentication failure;"):
		l.action, l.outcome = "pam_authentication", "failure"
		l.pamMore(text)
	case strings.HasPrefix(text, "session opened for user "):
		l.action, l.outcome = "ssh_session_start", "success"
		l.sessionUser(text[len("session opened for user "):])
	case strings.HasPrefix(text, "session closed for user "):
		l.action = "ssh_session_end"
		l.sessionUser(text[len("session closed for user "):])
	default:
		l.e.AddText(event.EventReason, text)
	}
}

// sessionUser reads "USER(uid=0) by (uid=0)", of an account that exists.
func (l *sshdLine) sessionUser(s string) {
	s, _, _ = strings.Cut(s, " ")
	s, _, _ = strings.Cut(s, "(")
	l.setUser(s, false, true)
}

// pamMore reads "…; logname= uid=0 euid=0 tty=ssh ruser= rhost=ADDR  user=USER".
// sshd leaves ruser empty, so only the user, behind the address, is the client's.
func (l *sshdLine) pamMore(rest string) {
	why, list, ok := strings.Cut(rest, ";")
	l.e.AddText(event.EventReason, why)
	if !ok {
		return
	}
	i := strings.Index(list, " rhost=")
	if i < 0 {
		return
	}
	// user= is written only if the name is known, behind the address.
	host, user, named := strings.Cut(list[i+len(" rhost="):], " user=")
	host = strings.TrimRight(host, " ")
	if named {
		l.setUser(user, false, true)
	} else if _, ruser, ok := strings.Cut(list[:i], " ruser="); ok && ruser != "" {
		l.setUser(ruser, false, true)
	}
	if p, ok := readPeer(host); ok && p.rest == "" {
		l.setPeer(p)
	}
}
