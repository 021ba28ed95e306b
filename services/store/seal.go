package store

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gatewatch/gatewatch/services/vault"
)

const keyPurpose = "segment"

// sealed makes what write writes encrypted, if segments are to be.
func (s *Columnar) sealed(write func(io.Writer) error) func(*os.File) error {
	if !s.cfg.Encrypt {
		return func(f *os.File) error { return write(f) }
	}
	return func(f *os.File) error {
		if s.cfg.Keys == nil {
			return errors.New("encrypt segment: there is no key ring")
		}
		key, err := s.cfg.Keys.Current(keyPurpose, s.cfg.Now(), vault.KeyAge)
		if err != nil {
			return err
		}
		w, err := vault.NewWriter(f, key)
		if err != nil {
			return err
		}
		if err := write(w); err != nil {
			return err
		}
		return w.Close()
	}
}

// errKey is of a segment that may be whole and cannot be read without its key.
// It is no damage: the store does not open.
var errKey = errors.New("segment is encrypted")

// unsealed returns the content of a segment's file, which may be encrypted.
func unsealed(f io.ReaderAt, size int64, keys *vault.Ring) (io.ReaderAt, int64, error) {
	switch sealed, err := vault.Sealed(f); {
	case err != nil:
		return nil, 0, err
	case !sealed:
		return f, size, nil
	case keys == nil:
		return nil, 0, fmt.Errorf("%w and %w", errKey, vault.ErrNoMaster)
	}
	r, err := vault.NewReader(f, size, keys)
	if errors.Is(err, vault.ErrUnknownKey) || errors.Is(err, vault.ErrMaster) {
		return nil, 0, fmt.Errorf("%w: %w", errKey, err)
	}
	if err != nil {
		return nil, 0, err
	}
	return r, r.Size(), nil
}

// verifyHead checks both copies of the head of a segment's file, if it is
// encrypted: one is enough to read it, and none leaves nothing.
func verifyHead(f io.ReaderAt) error {
	sealed, err := vault.Sealed(f)
	if err != nil || !sealed {
		return err
	}
	return vault.VerifyHead(f)
}
