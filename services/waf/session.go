package waf

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// SessionConfig says how the node can see that a request belongs to a session
// and that somebody is signed in. Nothing is read where nothing is said. Values
// of cookies and headers never leave the node.
type SessionConfig struct {
	Cookie          string `help:"cookie that holds the id of a session"`
	Header          string `help:"header of requests that does, such as X-Session-Id"`
	KeyFile         string `help:"file of 32 bytes or more by which ids are hashed, so that nodes and restarts agree; default a key that is made when the node starts"`
	SignedInCookie  string `help:"cookie that those have who are signed in"`
	SignedInHeader  string `help:"header of requests that those have who are signed in, such as Authorization"`
	SignedInPattern string `help:"regular expression that the value of that cookie or header must match; default any that is not empty"`
	SignedInAnswer  string `help:"header by which the application tells that somebody is signed in, such as X-User; it proves it, what a request says does not"`
}

func (c SessionConfig) validate() error {
	_, err := c.compile(nil)
	return err
}

// compile returns what sees sessions, nil if nothing is said. fallback is the key
// where no file is named.
func (c SessionConfig) compile(fallback []byte) (*sessions, error) {
	if c == (SessionConfig{}) {
		return nil, nil
	}
	s := &sessions{SessionConfig: c, key: fallback}
	if c.SignedInPattern != "" {
		if c.SignedInCookie == "" && c.SignedInHeader == "" {
			return nil, errors.New("signed_in_pattern: needs signed_in_cookie or signed_in_header")
		}
		pattern, err := regexp.Compile(c.SignedInPattern)
		if err != nil {
			return nil, fmt.Errorf("signed_in_pattern: %w", err)
		}
		s.pattern = pattern
	}
	if c.KeyFile != "" {
		key, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("key_file: %w", err)
		}
		if len(key) < 32 {
			return nil, fmt.Errorf("key_file: holds %d bytes, want at least 32", len(key))
		}
		s.key = key
	}
	return s, nil
}

// newSessionKey makes the key of a node that is given none.
func newSessionKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

// sessions sees the sessions of one site. It does not change.
type sessions struct {
	SessionConfig
	key     []byte
	pattern *regexp.Regexp // nil for any value
}

// issued is what is remembered of a session that the application gave out, and
// whether the application has named somebody who is signed in.
type issued struct{ signedIn bool }

// issuedTime is for how long after its last use a session is remembered.
const issuedTime = 12 * time.Hour

func newIssued() *lately[issued] { return newLately[issued](8192, issuedTime) }

// session is what is known of the session of a request.
type session struct {
	state    verdict.Session
	signedIn bool   // as the request says, or the application
	proven   bool   // the application has said so
	id       string // a keyed hash, "" if there is none
	place    uint64 // of the id among those remembered
}

// Values of waf.session.
var sessionNames = [...]string{verdict.SessionNone: "none", verdict.SessionClaimed: "claimed", verdict.SessionIssued: "issued"}

// sight reads what a request says of its session.
func (s *sessions) sight(site string, r *http.Request) session {
	var x session
	value := cookieOr(r, s.Cookie, s.Header)
	if s.Cookie != "" || s.Header != "" {
		x.state = verdict.SessionNone
	}
	if value != "" {
		x.state = verdict.SessionClaimed
		x.id, x.place = s.name(site, value)
	}
	mark := cookieOr(r, s.SignedInCookie, s.SignedInHeader)
	x.signedIn = mark != "" && (s.pattern == nil || len(mark) <= maxHeaderText && s.pattern.MatchString(mark))
	return x
}

// cookieOr returns the value of a cookie, else of a header; "" names none.
func cookieOr(r *http.Request, cookie, header string) string {
	if cookie != "" {
		if c, err := r.Cookie(cookie); err == nil && c.Value != "" {
			return c.Value
		}
	}
	if header != "" {
		return r.Header.Get(header)
	}
	return ""
}

// name is the hash by which a session is known, and its place.
func (s *sessions) name(site, value string) (string, uint64) {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(site))
	h.Write([]byte{0})
	h.Write([]byte(value))
	sum := h.Sum(nil)
	return hex.EncodeToString(sum[:16]), binary.LittleEndian.Uint64(sum)
}

// seesSession reads the session of a request, and what is remembered of it.
func (x *exchange) seesSession() {
	s := x.site.sessions
	if s == nil {
		return
	}
	x.session = s.sight(x.site.name, x.request)
	if x.session.id == "" {
		return
	}
	x.node.issued.with(x.session.place, x.session.place, x.started, func(v *issued, found bool) bool {
		if found {
			x.session.state = verdict.SessionIssued
			x.session.proven = v.signedIn
			x.session.signedIn = x.session.signedIn || v.signedIn
		}
		return found
	})
}

// answered takes over what an answer of the application says of the session. A
// cookie that the client has sent itself may be an echo of it and proves nothing.
func (x *exchange) answered(resp *http.Response) {
	x.upstreamStatus, x.answerMIME = resp.StatusCode, resp.Header.Get("Content-Type")
	s := x.site.sessions
	if s == nil {
		return
	}
	if s.SignedInAnswer != "" && resp.Header.Get(s.SignedInAnswer) != "" {
		x.session.signedIn, x.session.proven = true, true
		if x.session.id != "" {
			x.session.state = verdict.SessionIssued
			x.issue(x.session.place, true)
		}
	}
	if s.Cookie == "" || len(resp.Header["Set-Cookie"]) == 0 {
		return
	}
	for _, c := range resp.Cookies() {
		if c.Name != s.Cookie || c.Value == "" || c.MaxAge < 0 {
			continue
		}
		if _, place := s.name(x.site.name, c.Value); place != x.session.place {
			x.issue(place, x.session.proven)
		}
	}
}

// issue remembers that the application gave out a session.
func (x *exchange) issue(place uint64, signedIn bool) {
	x.node.issued.with(place, place, x.started, func(v *issued, _ bool) bool {
		v.signedIn = v.signedIn || signedIn
		return true
	})
}
