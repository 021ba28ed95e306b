package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

// ErrSession means that a session has ended, or never was.
var ErrSession = errors.New("session is over")

const (
	// sessionID is the length of the id that a browser has: 256 bits.
	sessionID = 43
	// touchEvery is how old the time at which a session was seen may get.
	touchEvery = time.Minute
	// publicID is the length of the part of its hash by which a session is named.
	publicID = 16
	maxAgent = 256
)

// Session is a browser that is signed in.
type Session struct {
	ID       string // names it; nobody signs in with it
	Identity Identity
	Peer     string
	Agent    string
	Created  time.Time
	Seen     time.Time
	Expires  time.Time // at the latest; unless something is done, sooner
	CSRF     string    // what calls that change something must send
}

func hashText(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// csrfOf is a text that who has the id of a session knows, and that tells nobody
// the id.
func csrfOf(id string) string {
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write([]byte("gatewatch csrf"))
	return hex.EncodeToString(mac.Sum(nil))
}

// CheckCSRF tells whether a text is the one that belongs to an id.
func CheckCSRF(id, text string) bool {
	return hmac.Equal([]byte(csrfOf(id)), []byte(text))
}

// FormToken returns the text that a form must send along which was given to a
// browser under an id that is in no session.
func FormToken(id string) string { return csrfOf(id) }

// NewFormID returns such an id.
func NewFormID() string { return randomText(sessionID) }

func userIdentity(name string, role Role) Identity {
	return Identity{Kind: KindUser, Name: name, Role: role}
}

// begin begins a session. until bounds its life, unless it is zero.
func (a *Accounts) begin(ctx context.Context, s state.Session, password string, until time.Time) (id string, err error) {
	id = randomText(sessionID)
	s.Hash = hashText(id)
	s.Expires = a.now().Add(a.config.Lifetime)
	if !until.IsZero() {
		s.Expires = until
	}
	if len(s.Agent) > maxAgent {
		s.Agent = s.Agent[:maxAgent]
	}
	if err := a.state.AddSession(ctx, s, password); err != nil {
		return "", err
	}
	return id, nil
}

// Session returns the session of an id, and keeps it from ending for want of use.
// ErrSession: it is over.
func (a *Accounts) Session(ctx context.Context, id string) (Session, error) {
	return a.session(ctx, id, true)
}

// Look is Session, but does not keep the session from ending.
func (a *Accounts) Look(ctx context.Context, id string) (Session, error) {
	return a.session(ctx, id, false)
}

// session is Session; it keeps the session from ending if it is in use. That of a
// wall screen is whenever it is looked at.
func (a *Accounts) session(ctx context.Context, id string, used bool) (Session, error) {
	if len(id) != sessionID {
		return Session{}, ErrSession
	}
	row, err := a.state.Session(ctx, hashText(id))
	if errors.Is(err, state.ErrNotFound) {
		return Session{}, ErrSession
	}
	if err != nil {
		return Session{}, err
	}
	now := a.now()
	if a.over(row, now) {
		return Session{}, ErrSession
	}
	s := newSession(row)
	if row.Account == "" {
		if s.Identity, err = a.kiosk(row.Token); err != nil {
			return Session{}, err
		}
	}
	if (used || row.Account == "") && now.Sub(row.Seen) >= touchEvery {
		if err := a.state.TouchSession(ctx, row.Hash); err != nil && !errors.Is(err, state.ErrFull) {
			return Session{}, err
		}
	}
	s.CSRF = csrfOf(id)
	return s, nil
}

// over tells whether a session has ended by itself. A wall screen shows what
// others do: it is never idle.
func (a *Accounts) over(row state.Session, now time.Time) bool {
	return !now.Before(row.Expires) || row.Account != "" && now.Sub(row.Seen) >= a.config.Idle
}

func newSession(row state.Session) Session {
	return Session{
		ID: row.Hash[:publicID], Identity: userIdentity(row.Account, Role(row.Role)),
		Peer: row.Peer, Agent: row.Agent, Created: row.Created, Seen: row.Seen, Expires: row.Expires,
	}
}

// Sessions returns the sessions of an account, or of all people if it is "", the
// newest first.
func (a *Accounts) Sessions(ctx context.Context, account string) ([]Session, error) {
	rows, err := a.state.Sessions(ctx, account, a.now().Add(-a.config.Idle))
	if err != nil {
		return nil, err
	}
	var all []Session
	for _, row := range rows {
		if row.Account != "" {
			all = append(all, newSession(row))
		}
	}
	return all, nil
}

// SignOut ends the session of an id, if there is one.
func (a *Accounts) SignOut(ctx context.Context, id string) error {
	s, err := a.Session(ctx, id)
	if errors.Is(err, ErrSession) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := a.tell(AccountAct{Act: "sign-out", Account: s.Identity.Name, By: s.Identity.String()}); err != nil {
		return err
	}
	return a.state.EndSession(ctx, hashText(id))
}

// EndSession ends the session that Sessions names so, of an account unless that is
// ""; by is who does it.
func (a *Accounts) EndSession(ctx context.Context, name, account, by string) error {
	rows, err := a.state.Sessions(ctx, account, a.now().Add(-a.config.Idle))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if len(name) != publicID || row.Hash[:publicID] != name {
			continue
		}
		if err := a.tell(AccountAct{Act: "end", Account: row.Account, By: by, Detail: map[string]string{"session": name}}); err != nil {
			return err
		}
		return a.state.EndSession(ctx, row.Hash)
	}
	return fmt.Errorf("session %.40q: %w", name, ErrNotFound)
}

// Forget deletes what has ended by itself.
func (a *Accounts) Forget(ctx context.Context) error {
	_, err := a.state.ForgetSessions(ctx, a.now().Add(-max(a.config.Idle, kioskIdle)))
	return err
}

// Idle is the time without a request after which a session ends.
func (a *Accounts) Idle() time.Duration { return a.config.Idle }
