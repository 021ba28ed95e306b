package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Messages of postscreen and of the daemons that watch and start others.

// postscreenForms have the peer, "[address]:port", after the prefix and, where
// there is one, a word such as "for " or "from ".
var postscreenForms = []struct {
	prefix, before, action, outcome, kind string
}{
	{"CONNECT from ", "", "smtp_connect", "", "start"},
	{"DISCONNECT ", "", "smtp_disconnect", "", "end"},
	{"PASS NEW ", "", "postscreen_pass", "success", "allowed"},
	{"PASS OLD ", "", "postscreen_pass", "success", "allowed"},
	{"WHITELISTED ", "", "postscreen_allowlisted", "success", "allowed"},
	{"ALLOWLISTED ", "", "postscreen_allowlisted", "success", "allowed"},
	{"BLACKLISTED ", "", "postscreen_denylisted", "failure", "denied"},
	{"DENYLISTED ", "", "postscreen_denylisted", "failure", "denied"},
	{"WHITELIST VETO ", "", "postscreen_allowlist_veto", "failure", "denied"},
	{"ALLOWLIST VETO ", "", "postscreen_allowlist_veto", "failure", "denied"},
	{"DNSBL rank ", " for ", "postscreen_dnsbl", "failure", "denied"},
	{"PREGREET ", " from ", "postscreen_pregreet", "failure", "denied"},
	{"HANGUP ", " from ", "postscreen_hangup", "failure", "end"},
	{"BARE NEWLINE ", "from ", "postscreen_bare_newline", "failure", "denied"},
	{"NON-SMTP COMMAND ", "from ", "smtp_non_smtp_command", "failure", "denied"},
	{"COMMAND PIPELINING ", "from ", "smtp_improper_pipelining", "failure", "denied"},
	{"COMMAND TIME LIMIT ", "from ", "smtp_limit_exceeded", "failure", "denied"},
	{"COMMAND COUNT LIMIT ", "from ", "smtp_limit_exceeded", "failure", "denied"},
	{"COMMAND LENGTH LIMIT ", "from ", "smtp_limit_exceeded", "failure", "denied"},
}

// postscreen reads a message of postscreen or dnsblog that is in a form of
// theirs alone. What stands before the address is never the client's text.
func (l *postfixLine) postscreen(s string) bool {
	if l.daemon == "dnsblog" {
		return l.dnsblog(s)
	}
	for i := range postscreenForms {
		form := &postscreenForms[i]
		rest, ok := strings.CutPrefix(s, form.prefix)
		if !ok {
			continue
		}
		l.action, l.outcome, l.kind = form.action, form.outcome, form.kind
		between := ""
		if form.before != "" {
			between, rest, _ = strings.Cut(rest, form.before)
		}
		if form.prefix == "DNSBL rank " {
			addCount(l.e, postfixRank, between)
		}
		client, rest := cutClient(rest)
		l.setClient(client)
		l.postscreenRest(form.prefix, rest)
		return true
	}
	return false
}

// postscreenRest reads what follows the client.
func (l *postfixLine) postscreenRest(prefix, rest string) {
	if prefix == "CONNECT from " {
		if server, ok := strings.CutPrefix(rest, " to ["); ok {
			addr, port, _ := strings.Cut(server, "]:")
			l.e.AddIP(event.DestinationIP, addr)
			l.e.AddTyped(event.DestinationPort, port)
		}
		return
	}
	if command, ok := strings.CutPrefix(rest, " after "); ok {
		command, rest, _ = strings.Cut(command, ": ")
		l.e.AddText(postfixCommand, command)
		l.e.AddText(postfixText, rest)
		return
	}
	if stage, ok := strings.CutPrefix(rest, " in "); ok {
		l.e.AddText(postfixStage, stage)
		return
	}
	l.e.AddText(postfixText, strings.TrimPrefix(rest, ": "))
}

// dnsblog reads "addr ADDR listed by domain NAME as ADDR".
func (l *postfixLine) dnsblog(s string) bool {
	rest, ok := strings.CutPrefix(s, "addr ")
	addr, list, listed := strings.Cut(rest, " listed by domain ")
	if !ok || !listed {
		return false
	}
	l.action, l.outcome = "dnsbl_listed", "success"
	addSource(l.e, addr)
	l.e.AddText(event.EventReason, list)
	return true
}

// anvil reads "max connection rate N/60s for (SERVICE:ADDR) at TIME".
func (l *postfixLine) anvil(s string) {
	l.action = "anvil_statistics"
	what, rest, ok := strings.Cut(s, " for (")
	peer, _, closed := strings.Cut(rest, ")")
	if !ok || !closed {
		l.e.AddText(event.EventReason, s)
		return
	}
	if i := strings.LastIndexByte(what, ' '); i >= 0 {
		l.e.AddText(event.EventReason, what[:i])
		l.e.AddText(postfixRate, what[i+1:])
	}
	if _, addr, ok := strings.Cut(peer, ":"); ok {
		addSource(l.e, addr)
	}
}

// daemonState reads what the parts of Postfix say about themselves.
func (l *postfixLine) daemonState(s string) {
	switch {
	case strings.HasPrefix(s, "daemon started"), strings.HasPrefix(s, "starting the Postfix"):
		l.action, l.kind = "postfix_start", "start"
	case strings.HasPrefix(s, "terminating on signal"), strings.HasPrefix(s, "stopping the Postfix"):
		l.action, l.kind = "postfix_stop", "end"
	case strings.HasPrefix(s, "reload "), strings.HasPrefix(s, "refreshing the Postfix"):
		l.action, l.kind = "postfix_reload", "change"
	case strings.HasPrefix(s, "process ") && strings.Contains(s, " exit status "),
		strings.HasPrefix(s, "process ") && strings.Contains(s, " killed by signal "):
		l.action, l.outcome, l.kind = "postfix_daemon_failed", "failure", "error"
	case strings.HasPrefix(s, "table ") && strings.Contains(s, " has changed"):
		l.action, l.kind = "postfix_restart", "change"
	case strings.HasPrefix(s, "SASL authentication failure: "):
		l.action, l.outcome, l.auth = "smtp_auth_backend", "failure", true
		l.e.AddText(event.EventReason, s[len("SASL authentication failure: "):])
	}
}
