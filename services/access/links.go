package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

// ErrLink means that a link was used, has expired, or never was.
var ErrLink = errors.New("link is no longer valid")

// NewLink makes a secret with which the password of an account is chosen once, and
// says until when; by is who does it. An account of no name is that of the first
// administrator, as long as there is no account.
func (a *Accounts) NewLink(ctx context.Context, name, by string) (secret string, until time.Time, err error) {
	if name != "" {
		if name, err = accountName(name); err != nil {
			return "", time.Time{}, err
		}
		if _, err := a.state.Account(ctx, name); err != nil {
			return "", time.Time{}, explain(err)
		}
	}
	act := AccountAct{Act: "link", Account: name, By: by}
	if err := a.tell(act); err != nil {
		return "", time.Time{}, err
	}
	secret = randomText(sessionID)
	if err := a.state.AddLink(ctx, hashText(secret), name, a.config.Link); err != nil {
		a.withdraw(act, err)
		return "", time.Time{}, explain(err)
	}
	return secret, a.now().Add(a.config.Link), nil
}

// Empty tells whether there is no account yet.
func (a *Accounts) Empty(ctx context.Context) (bool, error) {
	any, err := a.state.HasAccounts(ctx)
	return !any, err
}

// Link returns the account whose password a link chooses, "" for the first
// administrator, who chooses the name too. ErrLink: it is not valid.
func (a *Accounts) Link(ctx context.Context, secret string) (account string, err error) {
	if len(secret) != sessionID {
		return "", ErrLink
	}
	account, err = a.state.Link(ctx, hashText(secret))
	if errors.Is(err, state.ErrNotFound) {
		err = ErrLink
	}
	return account, err
}

// UseLink gives the account of a link its password and ends the link; name is that
// of the first administrator. It returns the account. ErrLink: the link is not
// valid; ErrAccount, ErrPassword: it still is.
func (a *Accounts) UseLink(ctx context.Context, secret, name, password string) (account string, err error) {
	if account, err = a.Link(ctx, secret); err != nil {
		return "", err
	}
	act := AccountAct{Act: "password", Account: account, By: fmt.Sprintf("who has the link of %q", account)}
	first := state.Account{Role: string(Administrator)}
	if account == "" {
		if account, err = accountName(name); err != nil {
			return "", err
		}
		first.Name = account
		act = AccountAct{Act: "add", Account: account, By: "who has the link of the first start", Detail: map[string]string{"role": first.Role}}
	}
	if err := CheckPassword(account, password); err != nil {
		return "", err
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return "", err
	}
	if err := a.tell(act); err != nil {
		return "", err
	}
	account, err = a.state.UseLink(ctx, hashText(secret), hash, first)
	if err != nil {
		a.withdraw(act, err)
	}
	if errors.Is(err, state.ErrNotFound) {
		return "", ErrLink
	}
	return account, err
}

// LinkPath is the path at which the secret of a link is used.
func LinkPath(secret string) string { return "/setup/" + secret }
