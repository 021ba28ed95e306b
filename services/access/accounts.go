package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

// Errors of accounts, tested with errors.Is.
var (
	// ErrAccount means that there is no such account, or one of that name already,
	// or that it cannot be as asked for.
	ErrAccount = errors.New("account cannot be so")
	// ErrSignIn means that name and password are not those of an account that may
	// sign in. It does not tell which of them is wrong.
	ErrSignIn = errors.New("name or password is wrong")
	// ErrWait means that there were too many failed attempts.
	ErrWait = errors.New("too many failed attempts to sign in")
)

// SessionConfig says how long people stay signed in. Its zero value is the default.
type SessionConfig struct {
	Idle     time.Duration `help:"time without a request after which a session of the console ends"`
	Lifetime time.Duration `help:"time after which a session of the console ends in any case"`
	Link     time.Duration `help:"time for which a link to choose a password can be used"`
}

// WithDefaults fills in zero fields.
func (c SessionConfig) WithDefaults() SessionConfig {
	if c.Idle == 0 {
		c.Idle = 2 * time.Hour
	}
	if c.Lifetime == 0 {
		c.Lifetime = 12 * time.Hour
	}
	if c.Link == 0 {
		c.Link = time.Hour
	}
	return c
}

// Validate names the key that is out of range.
func (c SessionConfig) Validate() error {
	switch {
	case c.Idle < 0:
		return errors.New("idle: must not be negative")
	case c.Lifetime < 0:
		return errors.New("lifetime: must not be negative")
	case c.Link < 0:
		return errors.New("link: must not be negative")
	}
	return nil
}

// Accounts is the people who sign in at the console, and their sessions. All
// methods may be called concurrently, also by several processes on one state.
type Accounts struct {
	config   SessionConfig
	state    *state.DB
	tokens   *Tokens // of wall screens
	now      func() time.Time
	log      *slog.Logger
	hasher   *hasher
	attempts *attempts
	failed   failedActs
	audit    func(AccountAct) error
}

// NewAccounts makes the accounts of a state. tokens are those of wall screens.
func NewAccounts(c SessionConfig, db *state.DB, tokens *Tokens, now func() time.Time, log *slog.Logger) *Accounts {
	return &Accounts{
		config: c.WithDefaults(), state: db, tokens: tokens, now: now, log: log,
		hasher: newHasher(hashCost), attempts: newAttempts(now), failed: failedActs{now: now},
	}
}

// AccountAct is something that was done to, or by, an account.
type AccountAct struct {
	Act     string // sign-in, sign-in.failed, sign-out, add, password, link, role, disable, enable or end
	Account string // "" if it is none that exists
	By      string // who does it
	Detail  map[string]string
}

// Audit lets f be told of each act before it is done; its error keeps the act
// from being done. It is called before the accounts are used.
func (a *Accounts) Audit(f func(AccountAct) error) { a.audit = f }

func (a *Accounts) tell(act AccountAct) error {
	if a.audit == nil {
		return nil
	}
	if err := a.audit(act); err != nil {
		return fmt.Errorf("audit %s: %w", act.Act, err)
	}
	return nil
}

// Account is a person without the secret.
type Account struct {
	Name       string
	Role       Role
	Disabled   bool
	NoPassword bool // none was chosen yet
	Created    time.Time
	LastSignIn time.Time // zero until the first
}

func newAccount(a state.Account) Account {
	return Account{
		Name: a.Name, Role: Role(a.Role), Disabled: a.Disabled, NoPassword: a.Password == "",
		Created: a.Created, LastSignIn: a.LastSignIn,
	}
}

// accountName is the form in which names are compared and kept.
func accountName(name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if err := CheckName(name); err != nil {
		return "", fmt.Errorf("%w: %w", ErrAccount, err)
	}
	return name, nil
}

// explain makes the errors of the state those of accounts.
func explain(err error) error {
	if errors.Is(err, state.ErrNotFound) || errors.Is(err, state.ErrConflict) || errors.Is(err, state.ErrInvalid) {
		return fmt.Errorf("%w: %w", ErrAccount, err)
	}
	return err
}

// List returns all accounts in order of their names.
func (a *Accounts) List(ctx context.Context) ([]Account, error) {
	rows, err := a.state.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Account, len(rows))
	for i := range rows {
		all[i] = newAccount(rows[i])
	}
	return all, nil
}

// Add makes an account that has no password yet; by is who does it.
func (a *Accounts) Add(ctx context.Context, name string, role Role, by string) (Account, error) {
	name, err := accountName(name)
	if err != nil {
		return Account{}, err
	}
	if !role.valid() {
		return Account{}, fmt.Errorf("%w: role %q is none of viewer, analyst, examiner, administrator", ErrAccount, role)
	}
	switch _, err := a.state.Account(ctx, name); {
	case err == nil:
		return Account{}, fmt.Errorf("%w: there is an account %q already", ErrAccount, name)
	case !errors.Is(err, state.ErrNotFound):
		return Account{}, err
	}
	if err := a.tell(AccountAct{Act: "add", Account: name, By: by, Detail: map[string]string{"role": string(role)}}); err != nil {
		return Account{}, err
	}
	if err := a.state.AddAccount(ctx, state.Account{Name: name, Role: string(role)}); err != nil {
		return Account{}, explain(err)
	}
	row, err := a.state.Account(ctx, name)
	return newAccount(row), err
}

// Change gives an account another role, or lets it sign in or not; nil leaves one
// as it is. An account that is disabled is signed out everywhere. There is always
// an administrator.
func (a *Accounts) Change(ctx context.Context, name string, role *Role, disabled *bool, by string) (Account, error) {
	name, err := accountName(name)
	if err != nil {
		return Account{}, err
	}
	if _, err := a.state.Account(ctx, name); err != nil {
		return Account{}, explain(err)
	}
	act := AccountAct{Act: "role", Account: name, By: by, Detail: map[string]string{}}
	var text *string
	if role != nil {
		if !role.valid() {
			return Account{}, fmt.Errorf("%w: role %q is none of viewer, analyst, examiner, administrator", ErrAccount, *role)
		}
		text, act.Detail["role"] = (*string)(role), string(*role)
	}
	if disabled != nil {
		if act.Act = "enable"; *disabled {
			act.Act = "disable"
		}
	}
	if err := a.tell(act); err != nil {
		return Account{}, err
	}
	row, err := a.state.ChangeAccount(ctx, name, text, disabled, string(Administrator))
	if err != nil {
		a.withdraw(act, err)
		return Account{}, explain(err)
	}
	return newAccount(row), nil
}

// withdraw says that an act did not come about, of which there is a leaf.
func (a *Accounts) withdraw(act AccountAct, why error) {
	detail := maps.Clone(act.Detail)
	if detail == nil {
		detail = map[string]string{}
	}
	detail["act"] = act.Act
	if err := a.tell(AccountAct{Act: "withdraw", Account: act.Account, By: act.By, Detail: detail}); err != nil {
		a.log.Error("audit log tells of an act that was not done", "act", act.Act, "account", act.Account, "cause", why, "error", err)
	}
}

// SetPassword gives an account another password, and signs it out everywhere.
func (a *Accounts) SetPassword(ctx context.Context, name, password, by string) error {
	name, err := accountName(name)
	if err != nil {
		return err
	}
	if _, err := a.state.Account(ctx, name); err != nil {
		return explain(err)
	}
	if err := CheckPassword(name, password); err != nil {
		return err
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	act := AccountAct{Act: "password", Account: name, By: by}
	if err := a.tell(act); err != nil {
		return err
	}
	if err := a.state.SetPassword(ctx, name, hash, false, ""); err != nil {
		a.withdraw(act, err)
		return explain(err)
	}
	return nil
}

// SignIn tells whether a password is that of an account which may sign in, and
// begins a session: its id is for the browser alone. ErrSignIn: it is not;
// *WaitError: there were too many attempts; ErrHashing: too many sign in at once.
// What it answers, and how long that takes, is the same for names that no account
// has.
func (a *Accounts) SignIn(ctx context.Context, name, password string, peer net.Addr, agent string) (id string, err error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if len(name) > maxName {
		name = name[:maxName]
	}
	if wait := a.attempts.begin(name, peer); wait > 0 {
		a.failed.more()
		return "", &WaitError{Wait: wait}
	}
	row, right, err := a.judge(ctx, name, password)
	if err != nil {
		a.attempts.done(name, peer, false)
		return "", err
	}
	if !right {
		return "", errors.Join(ErrSignIn, a.signInFailed(row.Name, peer))
	}
	act := AccountAct{Act: "sign-in", Account: row.Name, By: userIdentity(row.Name, "").String(), Detail: map[string]string{"peer": PeerAddr(peer).String()}}
	if err := a.tell(act); err != nil {
		a.attempts.done(name, peer, false)
		return "", err
	}
	id, err = a.begin(ctx, state.Session{Account: row.Name, Peer: peerText(peer), Agent: agent}, row.Password, time.Time{})
	a.attempts.done(name, peer, err == nil)
	if err != nil {
		a.withdraw(act, err)
		return "", err
	}
	return id, nil
}

// judge looks at a password. The row is the account's, without a name if there is
// none.
func (a *Accounts) judge(ctx context.Context, name, password string) (row state.Account, right bool, err error) {
	row, err = a.state.Account(ctx, name)
	if errors.Is(err, state.ErrNotFound) {
		row, err = state.Account{}, nil
	}
	if err != nil {
		return row, false, err
	}
	if len(password) > maxPassword {
		password = "" // too short for any account
	}
	right, stale, err := a.hasher.check(ctx, password, row.Password)
	if err != nil {
		return row, false, err
	}
	if right = right && !row.Disabled; right && stale {
		// What cannot be made anew now is made at the next sign-in.
		if hash, err := a.hasher.hash(ctx, password); err == nil && a.state.SetPassword(ctx, row.Name, hash, true, row.Password) == nil {
			row.Password = hash
		}
	}
	return row, right, nil
}

// ChangePassword gives the account of a session another password if the present
// one is right, and signs it out everywhere. Errors are those of SignIn and
// CheckPassword.
func (a *Accounts) ChangePassword(ctx context.Context, name, present, next string, peer net.Addr) error {
	if wait := a.attempts.begin(name, peer); wait > 0 {
		a.failed.more()
		return &WaitError{Wait: wait}
	}
	row, right, err := a.judge(ctx, name, present)
	switch {
	case err != nil:
	case !right:
		return errors.Join(ErrSignIn, a.signInFailed(row.Name, peer))
	default:
		err = a.SetPassword(ctx, name, next, userIdentity(name, "").String())
	}
	a.attempts.done(name, peer, err == nil)
	return err
}

// WaitError is ErrWait with how long to wait.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("%v: try again in %s", ErrWait, e.Wait.Round(time.Second))
}

// Is makes it ErrWait.
func (e *WaitError) Is(target error) bool { return target == ErrWait }
