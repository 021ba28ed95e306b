package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// sshdPeer is an address with or without a port, and what follows it.
type sshdPeer struct {
	addr string // an address or a host name
	port string
	rest string
}

const maxHostName = 255

// readPeer reads "ADDR" or "ADDR port N" at the start of s.
func readPeer(s string) (p sshdPeer, ok bool) {
	n := 0
	for n < len(s) && n <= maxHostName && isHostByte(s[n]) {
		n++
	}
	if n > 0 && s[n-1] == ':' && !strings.HasSuffix(s[:n], "::") {
		n--
	}
	if n == 0 || n > maxHostName || n < len(s) && s[n] != ' ' && s[n] != ':' {
		return p, false
	}
	p.addr, p.rest = s[:n], s[n:]
	if after, isPort := strings.CutPrefix(p.rest, " port "); isPort {
		i := 0
		for i < len(after) && i < 5 && after[i]-'0' <= 9 {
			i++
		}
		if i > 0 && (i == len(after) || after[i] == ' ' || after[i] == ':' || after[i] == ',') {
			p.port, p.rest = after[:i], after[i:]
		}
	}
	return p, true
}

func isHostByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9 || c == '.' || c == ':' || c == '-' || c == '_' || c == '%'
}

// isAddressLike tells an address or a full host name from a word.
func (p *sshdPeer) isAddressLike() bool { return strings.ContainsAny(p.addr, ".:") }

// ended tells whether a message can end as it does after the peer: with nothing,
// or the protocol. With info, something may follow the protocol.
func (p *sshdPeer) ended(info bool) bool {
	rest := p.rest
	if len(rest) >= 5 && strings.HasPrefix(rest, " ssh") && rest[4]-'0' <= 9 {
		rest = rest[5:]
	}
	return rest == "" || info && strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, " via ")
}

// findPeer reads NAME SEP PEER. A name that the client invented (last is true)
// may look like a peer itself, so the last one counts that the message can end
// with; the name of an account cannot, so then the first one counts. Peers with
// a port go before those without. If info is true the client may have written
// text behind the peer as well: with several candidates for a name of its own
// there is no telling, and none is returned.
func findPeer(s, sep string, last, info bool) (name string, p sshdPeer, ok bool) {
	for _, withPort := range [...]bool{true, false} {
		found := 0
		for i := 0; i < len(s); {
			j := strings.Index(s[i:], sep)
			if j < 0 {
				break
			}
			at := i + j
			i = at + len(sep)
			q, isPeer := readPeer(s[i:])
			if !isPeer || withPort != (q.port != "") || sep == " " && !q.isAddressLike() || !q.ended(info || !last) {
				continue
			}
			if !last {
				return s[:at], q, true
			}
			if found++; found > 1 && info && q.addr != p.addr {
				return "", sshdPeer{}, false
			}
			name, p = s[:at], q
		}
		if found > 0 {
			return name, p, true
		}
	}
	return "", sshdPeer{}, false
}

// cutInvalid takes off what marks the name of no account.
func cutInvalid(s string) (invalid bool, rest string) {
	for _, mark := range [...]string{"invalid user ", "illegal user "} {
		if after, ok := strings.CutPrefix(s, mark); ok {
			return true, after
		}
	}
	return false, s
}

// setPeer adds the other end of the connection.
func (l *sshdLine) setPeer(p sshdPeer) {
	addSource(l.e, p.addr)
	l.e.AddTyped(event.SourcePort, p.port)
}

// addSource adds an address as source.ip, and what is none as a name.
func addSource(e *event.Event, host string) {
	if _, ok := event.ParseIP(host); ok {
		e.AddIP(event.SourceIP, host)
		e.AddIP(event.RelatedIP, host)
		return
	}
	e.AddText(event.SourceAddress, host)
	if strings.Trim(host, "0123456789.:") != "" { // a name, not an address that is out of shape
		e.AddText(event.SourceDomain, host)
		e.AddText(event.RelatedHosts, host)
	}
}

// setUser adds the name of a user if the message has one.
func (l *sshdLine) setUser(name string, invalid, known bool) {
	if invalid {
		l.e.Add(sshdInvalidUser, event.Bool(true))
	}
	if known && name != "" {
		l.e.AddText(event.UserName, name)
		l.e.AddText(event.RelatedUser, name)
	}
}
