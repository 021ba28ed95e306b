package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxSessions bounds the sessions of one account, or of one token; the oldest end.
const maxSessions = 32

// Session is a browser that is signed in.
type Session struct {
	Hash    string // SHA-256 of its id in hexadecimal
	Account string // "" of a wall screen
	Token   string // id of the token of a wall screen, else ""
	Role    string // of the account at this moment
	Peer    string // address that signed in
	Agent   string // what its browser calls itself
	Created time.Time
	Seen    time.Time // at most some minutes ago
	Expires time.Time // whatever is done until then
}

const sessionQuery = `SELECT s.hash, s.account, s.token, COALESCE(a.role, ''), s.peer, s.agent, s.create_time, s.seen_time, s.expire_time
	FROM sessions s LEFT JOIN accounts a ON a.name = s.account
	WHERE (a.disabled = 0 OR s.account = '') `

func sessionOf(r row) (Session, error) {
	var s Session
	var created, seen, expires int64
	err := r.Scan(&s.Hash, &s.Account, &s.Token, &s.Role, &s.Peer, &s.Agent, &created, &seen, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("session: %w", ErrNotFound)
	}
	s.Created, s.Seen, s.Expires = moment(created), moment(seen), moment(expires)
	return s, err
}

// AddSession keeps a session. Its times of making and of being seen are now. The
// account must be there and not be disabled, and have the password with a hash.
func (d *DB) AddSession(ctx context.Context, s Session, password string) error {
	now := d.now().UnixNano()
	err := d.change(ctx, func(tx *sql.Tx) error {
		if s.Account != "" {
			n, err := rows(tx.ExecContext(ctx, "UPDATE accounts SET signin_time = ? WHERE name = ? AND disabled = 0 AND password = ?", now, s.Account, password))
			if err != nil {
				return err
			}
			if n == 0 {
				return fmt.Errorf("account: it %w", ErrConflict)
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE account = ? AND token = ? AND hash NOT IN
			(SELECT hash FROM sessions WHERE account = ? AND token = ? ORDER BY seen_time DESC, hash LIMIT ?)`,
			s.Account, s.Token, s.Account, s.Token, maxSessions-1)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions (hash, account, token, peer, agent, create_time, seen_time, expire_time)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, s.Hash, s.Account, s.Token, text(s.Peer), text(s.Agent), now, now, s.Expires.UnixNano())
		return err
	})
	if err != nil {
		return fmt.Errorf("add session: %w", err)
	}
	return nil
}

// Session returns the session that has a hash, with the role that its account has
// now. Those of disabled accounts are none; whether it has expired is for the
// caller to see.
func (d *DB) Session(ctx context.Context, hash string) (Session, error) {
	s, err := sessionOf(d.read.QueryRowContext(ctx, sessionQuery+"AND s.hash = ?", hash))
	if err != nil {
		return s, fmt.Errorf("read session: %w", explain(err))
	}
	return s, nil
}

// Sessions returns the sessions of an account, or of all if it is "", the newest
// first. Those that have expired are left out; so are those that were seen last
// before idle.
func (d *DB) Sessions(ctx context.Context, account string, idle time.Time) ([]Session, error) {
	all, err := list(ctx, d.read, sessionOf, sessionQuery+`AND (? = '' OR s.account = ?) AND s.expire_time > ? AND s.seen_time > ?
		ORDER BY s.create_time DESC, s.hash`, account, account, d.now().UnixNano(), idle.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

// TouchSession says that a session was seen now.
func (d *DB) TouchSession(ctx context.Context, hash string) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE sessions SET seen_time = ? WHERE hash = ?", d.now().UnixNano(), hash)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return nil
}

// EndSession ends a session. One that is not there is no error.
func (d *DB) EndSession(ctx context.Context, hash string) error {
	err := d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE hash = ?", hash)
		return err
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// ForgetSessions deletes sessions that have expired or were seen last before a
// time, and links that have expired. It returns how many.
func (d *DB) ForgetSessions(ctx context.Context, idle time.Time) (int64, error) {
	var gone int64
	err := d.change(ctx, func(tx *sql.Tx) error {
		now := d.now().UnixNano()
		n, err := rows(tx.ExecContext(ctx, "DELETE FROM sessions WHERE expire_time <= ? OR seen_time <= ?", now, idle.UnixNano()))
		if err != nil {
			return err
		}
		m, err := rows(tx.ExecContext(ctx, "DELETE FROM links WHERE expire_time <= ?", now))
		gone = n + m
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forget sessions: %w", err)
	}
	return gone, nil
}
