package state

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// maxBundle bounds the content of a bundle, in bytes.
const maxBundle = 64 << 20

// PutBundle keeps a bundle of rules under the SHA-256 of its content, which it
// returns in hexadecimal. A bundle is never changed; one that is there stays as
// it is. kind says what it is for, such as waf.
func (d *DB) PutBundle(ctx context.Context, kind string, content []byte) (sum string, err error) {
	if len(content) > maxBundle {
		return "", fmt.Errorf("put bundle: content %w: it has more than %d bytes", ErrInvalid, maxBundle)
	}
	h := sha256.Sum256(content)
	sum = hex.EncodeToString(h[:])
	err = d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO bundles (sha256, kind, content, time) VALUES (?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
			sum, text(kind), content, d.now().UnixNano())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("put bundle: %w", err)
	}
	return sum, nil
}

// Bundle returns the content that has a SHA-256. ErrDamaged means that what is
// kept has another one.
func (d *DB) Bundle(ctx context.Context, sum string) (kind string, content []byte, err error) {
	err = d.read.QueryRowContext(ctx, "SELECT kind, content FROM bundles WHERE sha256 = ?", sum).Scan(&kind, &content)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err == nil {
		if h := sha256.Sum256(content); hex.EncodeToString(h[:]) != sum {
			err = ErrDamaged
		}
	}
	if err != nil {
		return "", nil, fmt.Errorf("read bundle %.80q: %w", sum, explain(err))
	}
	return kind, content, nil
}

// Bundle is what is known of a bundle without its content.
type Bundle struct {
	Sum   string // SHA-256 of the content in hexadecimal
	Bytes int64
	Time  time.Time // when it was put
}

// Bundles returns at most limit bundles of a kind, the newest first, of those put
// before a time; the zero time is no bound.
func (d *DB) Bundles(ctx context.Context, kind string, before time.Time, limit int) ([]Bundle, error) {
	_, end := decisionRange(time.Time{}, before)
	all, err := list(ctx, d.read, func(r row) (Bundle, error) {
		var b Bundle
		var at int64
		err := r.Scan(&b.Sum, &b.Bytes, &at)
		b.Time = moment(at)
		return b, err
	}, "SELECT sha256, length(content), time FROM bundles WHERE kind = ? AND time < ? ORDER BY time DESC, sha256 LIMIT ?", kind, end, limit)
	if err != nil {
		return nil, fmt.Errorf("list bundles: %w", err)
	}
	return all, nil
}
