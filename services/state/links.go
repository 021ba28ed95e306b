package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxLinks bounds the links of one account; the oldest give way.
const maxLinks = 4

// AddLink keeps the hash of a link with which the password of an account is
// chosen. An account of no name is that of the first administrator: the links to
// make it before end.
func (d *DB) AddLink(ctx context.Context, hash, account string, lifetime time.Duration) error {
	now := d.now()
	err := d.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM links WHERE expire_time <= ? OR account = ''", now.UnixNano()); err != nil {
			return err
		}
		if account != "" {
			if _, err := accountOf(tx.QueryRowContext(ctx, "SELECT "+accountColumns+" FROM accounts WHERE name = ?", account)); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `DELETE FROM links WHERE account = ? AND hash NOT IN
				(SELECT hash FROM links WHERE account = ? ORDER BY create_time DESC, hash LIMIT ?)`, account, account, maxLinks-1)
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO links (hash, account, create_time, expire_time) VALUES (?, ?, ?, ?)",
			hash, account, now.UnixNano(), now.Add(lifetime).UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("add link: %w", err)
	}
	return nil
}

// Link returns the account whose password a link chooses, "" for the first
// administrator. ErrNotFound: it is used, expired, or was never there.
func (d *DB) Link(ctx context.Context, hash string) (account string, err error) {
	account, err = linkOf(d.read.QueryRowContext(ctx, linkQuery, hash, d.now().UnixNano()))
	if err == nil && account == "" {
		err = d.firstIsOpen(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("read link: %w", explain(err))
	}
	return account, nil
}

const linkQuery = "SELECT account FROM links WHERE hash = ? AND expire_time > ?"

func linkOf(r row) (account string, err error) {
	if err = r.Scan(&account); errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return account, err
}

// firstIsOpen is ErrNotFound if there is an account.
func (d *DB) firstIsOpen(ctx context.Context) error {
	any, err := d.HasAccounts(ctx)
	if err == nil && any {
		err = ErrNotFound
	}
	return err
}

// HasAccounts tells whether there is an account.
func (d *DB) HasAccounts(ctx context.Context) (bool, error) {
	var n int
	if err := d.read.QueryRowContext(ctx, "SELECT count(*) FROM accounts").Scan(&n); err != nil {
		return false, fmt.Errorf("count accounts: %w", explain(err))
	}
	return n > 0, nil
}

// UseLink ends a link and gives its account the password with a hash. A link for
// the first administrator makes the account first, if there is none at all; first
// says which. ErrNotFound: the link is used, expired, or was never there.
func (d *DB) UseLink(ctx context.Context, hash, password string, first Account) (account string, err error) {
	err = d.change(ctx, func(tx *sql.Tx) error {
		now := d.now()
		if account, err = linkOf(tx.QueryRowContext(ctx, linkQuery, hash, now.UnixNano())); err != nil {
			return err
		}
		if account != "" {
			return setPassword(ctx, tx, account, password, now) // ends the link too
		}
		var count int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM accounts").Scan(&count); err != nil {
			return err
		}
		if count > 0 {
			return ErrNotFound
		}
		account, first.Password = first.Name, password
		if err := insertAccount(ctx, tx, first, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM links WHERE account = ''")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("use link: %w", err)
	}
	return account, nil
}
