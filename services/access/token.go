// Package access knows who may do what: tokens and client certificates, the
// table of rights, accounts and their sessions, TLS, and which addresses a listener
// may use. It holds no transport; the API, the console and the inputs ask it.
package access

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection"
)

// Kind is what a token is good for.
type Kind string

// The kinds of tokens, and what stands beside them: certificates and sessions.
const (
	KindSource      Kind = "source"      // sends records as one source
	KindNode        Kind = "node"        // connects as one WAF node
	KindRole        Kind = "role"        // uses the API with the rights of a role
	KindKiosk       Kind = "kiosk"       // shows the wall screens and nothing else
	KindCertificate Kind = "certificate" // a TLS client certificate: a source or a node
	KindUser        Kind = "user"        // a person who signed in at the console
)

// Token is a bearer token without its secret.
type Token struct {
	ID      string    `json:"id"`
	Kind    Kind      `json:"kind"`
	Name    string    `json:"name"`
	Role    Role      `json:"role,omitempty"` // of KindRole only
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// Grant says what a new token is for.
type Grant struct {
	Kind     Kind
	Name     string        // see [CheckName]; may be empty for a role, which then gives the name
	Role     Role          // of KindRole only
	Lifetime time.Duration // 0: does not expire
	By       string        // who makes the token, for the audit log
}

// Errors of tokens, tested with errors.Is.
var (
	// ErrToken means that a bearer token is malformed, unknown, revoked or wrong.
	ErrToken = errors.New("token is not valid")
	// ErrExpired means that the token was right, once.
	ErrExpired = errors.New("token has expired")
	// ErrNotFound means that no token has the id.
	ErrNotFound = errors.New("no such token")
	// ErrGrant means that a token of that kind, name and role cannot be made.
	ErrGrant = errors.New("token cannot be made")
)

const (
	prefix    = "gwt_"
	idLength  = 12
	keyLength = 32 // 190 bits
	maxName   = 128
	alphabet  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// maxLifetime keeps times of expiry within what a time.Duration can hold.
	maxLifetime = 100 * 365 * 24 * time.Hour
	// maxKioskLifetime is that of wall screens.
	maxKioskLifetime = 366 * 24 * time.Hour
)

// CheckName tells whether a name may be given to a source, node or user: 1 to
// 128 letters, digits, '.', '_', '-', ':' or '@', the first a letter or digit.
// Names of that form are safe in paths, logs, metrics and tables. The name of
// Gatewatch's own events is nobody else's.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("name must have 1 to %d characters", maxName)
	}
	if strings.EqualFold(name, detection.Source) {
		return fmt.Errorf("name %q is reserved for events that Gatewatch makes itself", name)
	}
	for i, c := range []byte(name) {
		letter := strings.IndexByte(alphabet, c) >= 0
		if !letter && (i == 0 || strings.IndexByte("._-:@", c) < 0) {
			return fmt.Errorf("name %q must have only letters, digits, '.', '_', '-', ':' and '@', and begin with a letter or digit", name)
		}
	}
	return nil
}

func (g Grant) check() (Grant, error) {
	switch g.Kind {
	case KindSource, KindNode, KindKiosk:
		if g.Role != "" {
			return g, fmt.Errorf("%w: a %s token has no role", ErrGrant, g.Kind)
		}
	case KindRole:
		if !g.Role.valid() {
			return g, fmt.Errorf("%w: role %q is none of viewer, analyst, examiner, administrator", ErrGrant, g.Role)
		}
		if g.Name == "" {
			g.Name = string(g.Role)
		}
	default:
		return g, fmt.Errorf("%w: kind %q is none of source, node, role, kiosk", ErrGrant, g.Kind)
	}
	if err := CheckName(g.Name); err != nil {
		return g, fmt.Errorf("%w: %w", ErrGrant, err)
	}
	if g.Lifetime < 0 || g.Lifetime > maxLifetime {
		return g, fmt.Errorf("%w: lifetime must be between 0 and %s", ErrGrant, maxLifetime)
	}
	return g, nil
}

// mustExpire tells whether a token may not be for ever: one that stands in the
// address line of a screen on a wall is seen by many.
func (g Grant) mustExpire() error {
	if g.Kind == KindKiosk && (g.Lifetime <= 0 || g.Lifetime > maxKioskLifetime) {
		return fmt.Errorf("%w: a kiosk token must expire within %d days", ErrGrant, maxKioskLifetime/(24*time.Hour))
	}
	return nil
}

// split takes a bearer token apart: gwt_ID_KEY.
func split(bearer string) (id, key string, ok bool) {
	if len(bearer) != len(prefix)+idLength+1+keyLength || !strings.HasPrefix(bearer, prefix) {
		return "", "", false
	}
	id, key, ok = strings.Cut(bearer[len(prefix):], "_")
	return id, key, ok && len(id) == idLength
}

// hash is what is stored of a bearer token. Its key has 190 random bits, so a
// fast hash is as good as a slow one, and a flood of guesses costs little.
func hash(bearer string) [sha256.Size]byte { return sha256.Sum256([]byte(bearer)) }

// randomText returns n characters of the alphabet, all equally likely.
func randomText(n int) string {
	const unbiased = 256 - 256%len(alphabet)
	text := make([]byte, 0, n)
	var buf [64]byte
	for {
		_, _ = rand.Read(buf[:]) // never returns an error: crypto/rand
		for _, b := range buf {
			if int(b) >= unbiased {
				continue
			}
			if text = append(text, alphabet[int(b)%len(alphabet)]); len(text) == n {
				return string(text)
			}
		}
	}
}
