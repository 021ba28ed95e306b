package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is the parameters of argon2id (RFC 9106).
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// hashCost is that of new hashes: between the two that OWASP and RFC 9106
// recommend. Others are made anew at the next sign-in.
var hashCost = cost{memory: 32 << 10, time: 3, threads: 1}

// Bounds of what is taken from a hash, so that a damaged one costs no more.
const (
	maxHashMemory = 256 << 10 // KiB
	maxHashTime   = 16
	saltLength    = 16
	sumLength     = 32
)

// errHash means that a stored hash cannot be read.
var errHash = errors.New("password hash is not one")

// ErrHashing means that so many passwords are being checked that one more would
// have to wait too long.
var ErrHashing = errors.New("too many people sign in at this moment, try again in some seconds")

// hasher makes and checks hashes, few at once: each takes much memory.
type hasher struct {
	cost  cost
	turns chan struct{} // a place for each hash that is made
	line  chan struct{} // a place for each that is made or waits
}

// Bounds of hashing at once.
const (
	hashesAtOnce = 2
	hashesInLine = 32
)

func newHasher(c cost) *hasher {
	return &hasher{cost: c, turns: make(chan struct{}, hashesAtOnce), line: make(chan struct{}, hashesInLine)}
}

// sum derives the key of a password when it is its turn.
func (h *hasher) sum(ctx context.Context, password string, salt []byte, c cost) ([]byte, error) {
	select {
	case h.line <- struct{}{}:
		defer func() { <-h.line }()
	default:
		return nil, ErrHashing
	}
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, sumLength), nil
}

// hash returns the hash of a password in the PHC form, with a salt of its own.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never returns an error: crypto/rand
	sum, err := h.sum(ctx, password, salt, h.cost)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.cost.memory, h.cost.time, h.cost.threads, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// check tells whether a password has a hash, and whether the hash is one of
// other parameters than new ones. An empty hash is that of no password, and
// takes as long to find out.
func (h *hasher) check(ctx context.Context, password, hash string) (right, stale bool, err error) {
	c, salt, want := h.cost, make([]byte, saltLength), make([]byte, sumLength)
	if hash != "" {
		if c, salt, want, err = parseHash(hash); err != nil {
			return false, false, err
		}
	}
	sum, err := h.sum(ctx, password, salt, c)
	if err != nil {
		return false, false, err
	}
	right = subtle.ConstantTimeCompare(sum, want) == 1 && hash != ""
	return right, right && c != h.cost, nil
}

// parseHash reads what hasher.hash writes.
func parseHash(text string) (c cost, salt, sum []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.time, &c.threads); err != nil {
		return c, nil, nil, errHash
	}
	if c.memory > maxHashMemory || c.memory < 8*uint32(c.threads) || c.time == 0 || c.time > maxHashTime || c.threads == 0 {
		return c, nil, nil, errHash
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	sum, errSum := base64.RawStdEncoding.DecodeString(parts[5])
	if errSalt != nil || errSum != nil || len(salt) < 8 || len(salt) > 64 || len(sum) != sumLength {
		return c, nil, nil, errHash
	}
	return c, salt, sum, nil
}
