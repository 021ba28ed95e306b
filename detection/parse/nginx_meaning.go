package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// addErrorMeaning adds what is known of the usual messages of nginx's error log.
func addErrorMeaning(e *event.Event, m string) {
	switch {
	case strings.HasPrefix(m, `open() "`), strings.HasSuffix(m, "is not found (2: No such file or directory)"),
		strings.HasPrefix(m, `directory index of "`):
		addAction(e, "file-not-served", strings.HasPrefix(m, "directory index"))
		e.AddText(event.FilePath, quotedPath(m))
	case isRuleMessage(m):
		addRuleMessage(e, m)
		addAction(e, "waf-match", e.Get(event.WAFAction).Text() == "block")
	case strings.HasPrefix(m, "limiting requests"), strings.HasPrefix(m, "limiting connections"):
		addAction(e, "rate-limited", !strings.Contains(m, "dry run"))
		e.AddText(event.NginxLimitZone, between(m, `zone "`, `"`))
	case strings.HasPrefix(m, "delaying request"):
		addAction(e, "rate-delayed", false)
		e.AddText(event.NginxLimitZone, between(m, `zone "`, `"`))
	case strings.HasPrefix(m, "access forbidden by rule"):
		addAction(e, "access-forbidden", true)
	case strings.HasPrefix(m, `user "`), strings.HasPrefix(m, "no user/password was provided"):
		addBasicAuth(e, m)
	case strings.Contains(m, "SSL_do_handshake() failed"), strings.Contains(m, "SSL_read() failed"),
		strings.Contains(m, "while SSL handshaking"):
		addAction(e, "tls-failed", false)
		e.AddText(event.EventReason, tlsReason(m))
	case strings.Contains(m, "to upstream"), strings.Contains(m, "from upstream"), strings.HasPrefix(m, "no live upstreams"),
		strings.HasPrefix(m, "upstream timed out"):
		addAction(e, "upstream-failed", false)
	}
	e.AddText(event.ErrorCode, systemError(m))
}

func addAction(e *event.Event, action string, denied bool) {
	e.Add(event.EventAction, event.String(action))
	if denied {
		e.Add(event.EventType, event.String("denied"))
	}
}

// addBasicAuth reads what ngx_http_auth_basic_module says of a failed login.
func addBasicAuth(e *event.Event, m string) {
	end := max(strings.LastIndex(m, `": password mismatch`), strings.LastIndex(m, `" was not found in "`))
	if end < 0 && strings.HasPrefix(m, `user "`) {
		return
	}
	e.Add(event.EventCategory, event.String("authentication"))
	addAction(e, "login-failed", true)
	addMissing(e, event.EventOutcome, "failure")
	if end >= len(`user "`) {
		user := m[len(`user "`):end]
		e.AddText(event.UserName, user)
		e.AddText(event.RelatedUser, user)
	}
}

// between returns what stands between two marks, "" if either is missing.
func between(s, open, shut string) string {
	_, s, ok := strings.Cut(s, open)
	s, _, ok2 := strings.Cut(s, shut)
	if !ok || !ok2 {
		return ""
	}
	return s
}

// tlsReason returns OpenSSL's reason, the text after the last colon within
// (SSL: error:0A00010B:SSL routines::wrong version number).
func tlsReason(m string) string {
	s := between(m, "(SSL: ", ")")
	return s[strings.LastIndexByte(s, ':')+1:]
}

// quotedPath returns the path between the first quote and the last, which may
// hold quotes itself.
func quotedPath(m string) string {
	i, j := strings.IndexByte(m, '"'), strings.LastIndexByte(m, '"')
	if j <= i {
		return ""
	}
	return m[i+1 : j]
}

// systemError returns the number of the last "(2: No such file or directory)".
func systemError(m string) string {
	i := strings.LastIndexByte(m, '(')
	if i < 0 {
		return ""
	}
	code, _, ok := strings.Cut(m[i+1:], ": ")
	if !ok || !isDigits(code, 0) || len(code) > 5 {
		return ""
	}
	return code
}
