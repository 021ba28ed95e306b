package access

// The cookies of the console. What begins with __Host- is taken by browsers over
// TLS alone, and from this very host.
const (
	sessionCookie = "gatewatch_session"
	kioskCookie   = "gatewatch_kiosk"
	hostPrefix    = "__Host-"
)

// SessionCookie returns the name of the cookie that holds the id of a session.
func SessionCookie(tls bool) string { return cookieName(sessionCookie, tls) }

// KioskCookie returns the name of the cookie that holds the id of the session of a
// wall screen, so that one opened by somebody who is signed in signs nobody out.
func KioskCookie(tls bool) string { return cookieName(kioskCookie, tls) }

func cookieName(name string, tls bool) string {
	if tls {
		return hostPrefix + name
	}
	return name
}
