package access

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
)

// Identity is who makes a call. The zero Identity is anonymous.
type Identity struct {
	Kind    Kind   // "" if anonymous
	Name    string // of the token, certificate or account
	Role    Role   // of KindRole and KindUser only
	TokenID string // "" without a token
	Session string // names the session of KindUser and of KindKiosk; "" without one
}

// Caller is what a transport knows of the other side.
type Caller struct {
	Bearer    string               // bearer token, "" if none was sent
	Session   string               // id of a session, "" if none was sent; a bearer token wins
	Screen    string               // id of a session of a wall screen, which counts if the other is over
	CSRF      string               // what was sent with the session
	Unasked   bool                 // nobody did anything for the call: it does not keep the session from ending
	ReadOnly  bool                 // the call changes nothing, so that the session needs no CSRF
	Peer      net.Addr             // may be nil
	TLS       *tls.ConnectionState // nil without TLS
	Forwarded bool                 // a proxy says that it speaks for another
}

type identityKey struct{}

// NewContext returns a context of a call that was admitted as made by id.
func NewContext(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// FromContext returns who makes the admitted call of a context, and whether
// there is one.
func FromContext(ctx context.Context) (Identity, bool) {
	id, ok := ctx.Value(identityKey{}).(Identity)
	return id, ok
}

// Errors of a gate, tested with errors.Is.
var (
	// ErrUnauthenticated means that the call needs a token or certificate, or
	// that the one it came with is not valid.
	ErrUnauthenticated = errors.New("authentication is required")
	// ErrForbidden means that the caller is known and has not the right.
	ErrForbidden = errors.New("permission denied")
	// ErrTooManyFailures means that the peer has failed to sign in too often. A
	// valid token passes even then.
	ErrTooManyFailures = errors.New("too many failed attempts to sign in")
)

// Gate decides which calls of one listener may pass. Its methods may be called
// concurrently.
type Gate struct {
	tokens *Tokens
	people *Accounts // nil: no sessions
	open   bool
	fails  *Failures
	log    *slog.Logger
}

// NewGate makes the gate of a listener. openInputs lets inputs pass without a
// token, which is right for a loopback address only. The failures are shared
// between the gates of a process.
func NewGate(tokens *Tokens, fails *Failures, openInputs bool, log *slog.Logger) *Gate {
	return &Gate{tokens: tokens, open: openInputs, fails: fails, log: log}
}

// Admit returns who makes a call, if that one may make it. method is a gRPC
// method in full, or a verb and path of the table of rights.
func (g *Gate) Admit(method string, c Caller) (Identity, error) {
	r, known := rights[method]
	if known && r.public {
		return Identity{}, nil
	}
	id, err := g.identify(c)
	if err != nil {
		return Identity{}, err
	}
	switch {
	case r.allows(id):
		return id, nil
	case id.Kind != "":
		return Identity{}, fmt.Errorf("%w: %s has not the right to do this, which needs %s", ErrForbidden, id, r.needs())
	case c.Forwarded: // whoever the proxy speaks for is not known to be on this machine
	case r.input && g.open, r.local && isLoopback(c.Peer):
		return id, nil
	}
	return Identity{}, fmt.Errorf("%w: send a token as \"Authorization: Bearer gwt_…\"", ErrUnauthenticated)
}

// Sender admits a sender of records. It has the form of an authenticator of the
// inputs. A call that a gate has admitted already ([NewContext]) is judged by
// who was admitted then.
func (g *Gate) Sender(ctx context.Context, bearer string, peer net.Addr, state *tls.ConnectionState) (Sender, error) {
	id, admitted := FromContext(ctx)
	if !admitted {
		var err error
		if id, err = g.identify(Caller{Bearer: bearer, Peer: peer, TLS: state}); err != nil {
			return Sender{}, err
		}
	}
	switch {
	case id.Kind == KindRole && senders.allows(id):
		return Sender{}, nil
	case senders.allows(id):
		return Sender{Name: id.Name}, nil
	case id.Kind != "":
		return Sender{}, fmt.Errorf("%w: %s may not send records", ErrForbidden, id)
	case g.open || admitted:
		return Sender{others: g.tokens}, nil
	}
	return Sender{}, fmt.Errorf("%w: an input that is not on loopback needs a source token or a client certificate", ErrUnauthenticated)
}

// identify finds out who calls. A token that was sent must be valid, even where
// none is needed; a certificate beside a token of a sender must have its name.
func (g *Gate) identify(c Caller) (Identity, error) {
	name, err := CertificateName(c.TLS)
	if err != nil {
		return Identity{}, g.failed(c, err)
	}
	if c.Bearer == "" && (c.Session != "" || c.Screen != "") && g.people != nil {
		return g.signedIn(c)
	}
	if c.Bearer == "" {
		if name == "" {
			return Identity{}, nil
		}
		return Identity{Kind: KindCertificate, Name: name}, nil
	}
	t, err := g.tokens.Check(c.Bearer)
	switch {
	case errors.Is(err, ErrToken), errors.Is(err, ErrExpired):
		return Identity{}, g.failed(c, err)
	case err != nil:
		return Identity{}, err
	case name != "" && t.Kind != KindRole && t.Name != name:
		return Identity{}, g.failed(c, fmt.Errorf("certificate of %s came with the token of %s", name, t.Name))
	}
	return Identity{Kind: t.Kind, Name: t.Name, Role: t.Role, TokenID: t.ID}, nil
}

// WithSessions returns a gate that also admits people who signed in at the console.
func (g *Gate) WithSessions(people *Accounts) *Gate {
	with := *g
	with.people = people
	return &with
}

// ErrCSRF means that a call which changes something came with a session and
// without what its pages send along.
var ErrCSRF = fmt.Errorf("%w: send the csrf of GET /api/v1/session as X-CSRF-Token", ErrForbidden)

// signedIn finds out who calls with a session. One that is over is no failed
// attempt: nobody guesses ids, and a page that was left open goes on asking.
func (g *Gate) signedIn(c Caller) (Identity, error) {
	id := c.Session
	s, err := g.people.session(context.Background(), id, !c.Unasked)
	if errors.Is(err, ErrSession) && c.Screen != "" {
		id = c.Screen
		s, err = g.people.session(context.Background(), id, !c.Unasked)
	}
	switch {
	case errors.Is(err, ErrSession):
		return Identity{}, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	case err != nil:
		return Identity{}, err
	case !c.ReadOnly && !CheckCSRF(id, c.CSRF):
		return Identity{}, ErrCSRF
	}
	who := s.Identity
	who.Session = s.ID
	return who, nil
}

// failed counts a failed attempt. One line is logged when a peer begins to fail
// and one when it is over the limit, so a flood does not fill the log.
func (g *Gate) failed(c Caller, cause error) error {
	count, over := g.fails.add(c.Peer)
	if count == 1 || over && count == maxFailures+1 {
		g.log.Warn("sign-in failed", "peer", peerText(c.Peer), "error", cause, "over_limit", over)
	}
	if over {
		return fmt.Errorf("%w: try again in %s", ErrTooManyFailures, failureWindow)
	}
	return fmt.Errorf("%w: %w", ErrUnauthenticated, cause)
}

// String names the identity for messages.
func (id Identity) String() string {
	switch id.Kind {
	case "":
		return "anonymous"
	case KindRole:
		return fmt.Sprintf("%s %q", id.Role, id.Name)
	}
	return fmt.Sprintf("%s %q", id.Kind, id.Name)
}

// Bearer returns the token of an Authorization header, "" if it holds none.
func Bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func peerText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

func isLoopback(a net.Addr) bool {
	ip := PeerAddr(a)
	return ip.IsValid() && ip.IsLoopback()
}

// PeerAddr returns the address of a peer without its port and zone, the invalid
// address if it has none.
func PeerAddr(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case nil:
		return netip.Addr{}
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
