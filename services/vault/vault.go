// Package vault encrypts what rests on disk: AES-256-GCM under data keys, which
// one master key wraps.
//
// A [Ring] is the file of the wrapped data keys. [Key.Seal] encrypts messages
// such as the frames of the queue; [NewWriter] and [NewReader] encrypt files
// that are read at any position, such as segments. Neither uses a data key
// itself: each sealer and each file derives its own from it with a random salt
// (HKDF-SHA256, RFC 5869), so that nonces can be counted and never repeat.
//
// FORMAT.md describes the bytes.
package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrDamaged is of sealed bytes that are not what was sealed: damaged,
	// forged, cut, or sealed for another place.
	ErrDamaged = errors.New("sealed bytes are damaged")
	// ErrMaster is of a ring that another master key wraps.
	ErrMaster = errors.New("the master key is not the one of this key ring")
	// ErrUnknownKey is of bytes under a data key that the ring does not hold.
	ErrUnknownKey = errors.New("the key ring does not hold this data key")
	// ErrNoMaster means that something is sealed and there is no key ring to open it.
	ErrNoMaster = errors.New("no master key is given: name the configuration of its server with --config, or set GATEWATCH_MASTER_KEY")
)

const (
	keySize   = 32
	nonceSize = 12
	tagSize   = 16
)

// KeyAge is the age of a data key at which another one encrypts what is new.
const KeyAge = 30 * 24 * time.Hour

// ID names a data key.
type ID [8]byte

// String returns the ID in hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// derive makes the cipher for one use of a key.
func derive(key, salt []byte, use string) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, key, salt, "gatewatch "+use, keySize)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return aead, nil
}

// fill fills b with random bytes.
func fill(b []byte) {
	_, _ = rand.Read(b) // never fails
}
