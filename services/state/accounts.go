package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxAccounts bounds the number of accounts.
const maxAccounts = 10_000

// Account is a person who signs in at the console.
type Account struct {
	Name         string // in lower case
	Role         string
	Password     string // hash, "" until one is chosen
	Disabled     bool
	Created      time.Time
	PasswordTime time.Time // zero until one is chosen
	LastSignIn   time.Time // zero until the first
}

const accountColumns = "name, role, password, disabled, create_time, password_time, signin_time"

func accountOf(r row) (Account, error) {
	var a Account
	var created, changed, signedIn int64
	err := r.Scan(&a.Name, &a.Role, &a.Password, &a.Disabled, &created, &changed, &signedIn)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("account: %w", ErrNotFound)
	}
	a.Created, a.PasswordTime, a.LastSignIn = moment(created), moment(changed), moment(signedIn)
	return a, err
}

// Account returns the account of a name, which is in lower case.
func (d *DB) Account(ctx context.Context, name string) (Account, error) {
	a, err := accountOf(d.read.QueryRowContext(ctx, "SELECT "+accountColumns+" FROM accounts WHERE name = ?", name))
	if err != nil {
		return a, fmt.Errorf("read account: %w", explain(err))
	}
	return a, nil
}

// Accounts returns all accounts in order of their names.
func (d *DB) Accounts(ctx context.Context) ([]Account, error) {
	all, err := list(ctx, d.read, accountOf, "SELECT "+accountColumns+" FROM accounts ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return all, nil
}

// AddAccount keeps a new account. ErrConflict means that the name is taken.
func (d *DB) AddAccount(ctx context.Context, a Account) error {
	err := d.change(ctx, func(tx *sql.Tx) error { return insertAccount(ctx, tx, a, d.now()) })
	if err != nil {
		return fmt.Errorf("add account: %w", err)
	}
	return nil
}

func insertAccount(ctx context.Context, tx *sql.Tx, a Account, now time.Time) error {
	var count int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM accounts").Scan(&count); err != nil {
		return err
	}
	if count >= maxAccounts {
		return fmt.Errorf("account %w: there are %d already", ErrInvalid, maxAccounts)
	}
	changed := int64(0)
	if a.Password != "" {
		changed = now.UnixNano()
	}
	n, err := rows(tx.ExecContext(ctx, "INSERT INTO accounts ("+accountColumns+") VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (name) DO NOTHING",
		a.Name, a.Role, a.Password, bit(a.Disabled), now.UnixNano(), changed))
	if err == nil && n == 0 {
		err = fmt.Errorf("account %q: the name is taken: %w", a.Name, ErrConflict)
	}
	return err
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SetPassword gives an account another hash, and ends its sessions and links. It
// may be the same password under other parameters: keep then leaves sessions,
// links and the time of the change as they are, and nothing happens unless the
// account still has the hash old.
func (d *DB) SetPassword(ctx context.Context, name, hash string, keep bool, old string) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		if keep {
			_, err := tx.ExecContext(ctx, "UPDATE accounts SET password = ? WHERE name = ? AND password = ?", hash, name, old)
			return err
		}
		return setPassword(ctx, tx, name, hash, d.now())
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

func setPassword(ctx context.Context, tx *sql.Tx, name, hash string, now time.Time) error {
	n, err := rows(tx.ExecContext(ctx, "UPDATE accounts SET password = ?, password_time = ? WHERE name = ?", hash, now.UnixNano(), name))
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("account: %w", ErrNotFound)
	}
	return endAll(ctx, tx, name)
}

// endAll ends what signs an account in without its password.
func endAll(ctx context.Context, tx *sql.Tx, name string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE account = ?", name); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM links WHERE account = ?", name)
	return err
}

// errLastAdministrator keeps an installation from being left without one.
var errLastAdministrator = fmt.Errorf("account %w: it is the last administrator", ErrInvalid)

// ChangeAccount gives an account another role, or lets it sign in or not; nil
// leaves one as it is. Sessions and links of an account that is disabled end. The
// last account that is not disabled and has the role keeper stays one.
func (d *DB) ChangeAccount(ctx context.Context, name string, role *string, disabled *bool, keeper string) (Account, error) {
	var a Account
	err := d.change(ctx, func(tx *sql.Tx) (err error) {
		if a, err = accountOf(tx.QueryRowContext(ctx, "SELECT "+accountColumns+" FROM accounts WHERE name = ?", name)); err != nil {
			return err
		}
		was := a.Role == keeper && !a.Disabled
		if role != nil {
			a.Role = *role
		}
		if disabled != nil {
			a.Disabled = *disabled
		}
		if was && (a.Role != keeper || a.Disabled) {
			if err := anotherKeeper(ctx, tx, name, keeper); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "UPDATE accounts SET role = ?, disabled = ? WHERE name = ?", a.Role, bit(a.Disabled), name); err != nil {
			return err
		}
		if a.Disabled {
			return endAll(ctx, tx, name)
		}
		return nil
	})
	if err != nil {
		return Account{}, fmt.Errorf("change account: %w", err)
	}
	return a, nil
}

func anotherKeeper(ctx context.Context, tx *sql.Tx, name, keeper string) error {
	var others int
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM accounts WHERE role = ? AND disabled = 0 AND name <> ?", keeper, name).Scan(&others)
	if err == nil && others == 0 {
		err = errLastAdministrator
	}
	return err
}
