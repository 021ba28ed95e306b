package vault

import (
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
)

// Key is a data key of a [Ring]. Its methods may be called at once.
type Key struct {
	ID     ID
	secret [keySize]byte

	mu      sync.Mutex
	derived map[salt]cipher.AEAD // for messages
}

type salt [16]byte

// ParseID reads what [ID.String] writes.
func ParseID(text string) (id ID, err error) {
	if len(text) != hex.EncodedLen(len(id)) {
		return id, fmt.Errorf("parse key id %q: want %d hexadecimal digits", text, hex.EncodedLen(len(id)))
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil {
		return id, fmt.Errorf("parse key id: %w", err)
	}
	return id, nil
}

const (
	// Overhead is what a sealed message is longer than its plain text.
	Overhead = messageHead + tagSize
	// Room is what a sealed message has before its ciphertext.
	Room = messageHead

	messageHead = 8 + 16 + 8 // key id, salt, counter
	maxDerived  = 1 << 10
)

// Sealer seals messages under one key. Its methods may be called at once.
type Sealer struct {
	id      ID
	salt    salt
	aead    cipher.AEAD
	counter atomic.Uint64
}

// Sealer returns a sealer with a salt of its own.
func (k *Key) Sealer() (*Sealer, error) {
	s := &Sealer{id: k.ID}
	fill(s.salt[:])
	var err error
	s.aead, err = derive(k.secret[:], s.salt[:], "message")
	return s, err
}

// Seal appends the sealed plain text to dst: key id, salt, counter, ciphertext,
// tag. What is sealed opens only with the same label. The plain text may stand
// in dst where its ciphertext goes, at len(dst)+Room, and is then sealed in place.
func (s *Sealer) Seal(dst, plain, label []byte) []byte {
	n := s.counter.Add(1)
	dst = append(dst, s.id[:]...)
	dst = append(dst, s.salt[:]...)
	dst = binary.BigEndian.AppendUint64(dst, n)
	return s.aead.Seal(dst, nonce(n, 0), plain, label)
}

// Unseal appends the plain text of a sealed message to dst. Sealed bytes are
// overwritten if dst is where their own ciphertext is: sealed[Room:Room].
func (r *Ring) Unseal(dst, sealed, label []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, fmt.Errorf("unseal message: %w", ErrDamaged)
	}
	k, err := r.Key(ID(sealed[:8]))
	if err != nil {
		return nil, err
	}
	aead, err := k.message(salt(sealed[8:24]))
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(dst, nonce(binary.BigEndian.Uint64(sealed[24:]), 0), sealed[messageHead:], label)
	if err != nil {
		return nil, fmt.Errorf("unseal message: %w", ErrDamaged)
	}
	return plain, nil
}

// message returns the cipher of a salt, most often one that was derived before.
func (k *Key) message(s salt) (cipher.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if aead := k.derived[s]; aead != nil {
		return aead, nil
	}
	aead, err := derive(k.secret[:], s[:], "message")
	if err != nil {
		return nil, err
	}
	// A damaged salt makes a key too, so they are bounded.
	if k.derived == nil || len(k.derived) >= maxDerived {
		k.derived = map[salt]cipher.AEAD{}
	}
	k.derived[s] = aead
	return aead, nil
}

// nonce is a number and what is special about it.
func nonce(n uint64, special byte) []byte {
	b := make([]byte, nonceSize)
	binary.BigEndian.PutUint64(b, n)
	b[nonceSize-1] = special
	return b
}
