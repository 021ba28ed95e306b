package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

// kioskIdle is how long the session of a wall screen that asks for nothing is
// remembered.
const kioskIdle = 7 * 24 * time.Hour

// SignInKiosk begins the session of a wall screen with its token, and says until
// when it lasts: as long as the token. The error is one of [Tokens.Check], or
// ErrForbidden if the token is of another kind.
func (a *Accounts) SignInKiosk(ctx context.Context, bearer string, peer net.Addr, agent string) (id string, until time.Time, err error) {
	t, err := a.tokens.Check(bearer)
	if err != nil {
		return "", time.Time{}, err
	}
	if t.Kind != KindKiosk {
		return "", time.Time{}, fmt.Errorf("%w: the token is not one of a wall screen", ErrForbidden)
	}
	by := kioskIdentity(t).String()
	act := AccountAct{Act: "sign-in", Account: "", By: by, Detail: map[string]string{"peer": PeerAddr(peer).String(), "token": t.ID}}
	if err := a.tell(act); err != nil {
		return "", time.Time{}, err
	}
	id, err = a.begin(ctx, state.Session{Token: t.ID, Peer: peerText(peer), Agent: agent}, "", t.Expires)
	return id, t.Expires, err
}

func kioskIdentity(t Token) Identity {
	return Identity{Kind: KindKiosk, Name: t.Name, TokenID: t.ID}
}

// kiosk returns who a wall screen is whose token has an id, if that is still
// valid.
func (a *Accounts) kiosk(tokenID string) (Identity, error) {
	t, err := a.tokens.byID(tokenID)
	if errors.Is(err, ErrToken) || errors.Is(err, ErrExpired) || err == nil && t.Kind != KindKiosk {
		return Identity{}, ErrSession
	}
	return kioskIdentity(t), err
}
