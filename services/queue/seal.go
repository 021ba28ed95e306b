package queue

import (
	"errors"
	"fmt"

	"github.com/gatewatch/gatewatch/services/vault"
)

const keyPurpose = "queue"

// keyError is of a frame that is whole and cannot be read without its key.
// Passing over it would lose records that are there.
type keyError struct{ err error }

func (e *keyError) Error() string { return e.err.Error() }
func (e *keyError) Unwrap() error { return e.err }

// renewSealer begins to encrypt with a key of its own for this process, if the
// log is to be encrypted, or with the next one when the time has come.
func (d *Disk) renewSealer() error {
	if !d.cfg.Encrypt {
		return nil
	}
	if d.cfg.Keys == nil {
		return errors.New("encrypt queue: there is no key ring")
	}
	key, err := d.cfg.Keys.Current(keyPurpose, d.now(), vault.KeyAge)
	if err != nil {
		return fmt.Errorf("encrypt queue: %w", err)
	}
	s, err := key.Sealer()
	if err != nil {
		return fmt.Errorf("encrypt queue: %w", err)
	}
	d.sealer.Store(s)
	return nil
}

// seal encrypts the body of a frame, if the log is to be encrypted.
func (d *Disk) seal(p *pending) {
	s := d.sealer.Load()
	if s == nil {
		return
	}
	body := p.frame[headerSize:]
	frame := s.Seal(d.buffer(int64(len(body))+vault.Overhead), body, []byte(keyPurpose))
	if p.pooled {
		d.giveBack(p.frame)
	}
	p.frame, p.pooled, p.head.sealed = frame, true, true
}

// unseal opens a sealed body in its place. Of a body that is damaged or forged
// it returns errBody, without its key a *keyError.
func (s *scanner) unseal(b []byte) ([]byte, error) {
	if s.keys == nil {
		return nil, &keyError{fmt.Errorf("the queue is encrypted and %w", vault.ErrNoMaster)}
	}
	at := min(vault.Room, len(b))
	plain, err := s.keys.Unseal(b[at:at], b, []byte(keyPurpose))
	switch {
	case errors.Is(err, vault.ErrDamaged):
		return nil, errBody
	case err != nil:
		return nil, &keyError{err}
	}
	return plain, nil
}
