package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/vault"
)

// A checkpoint holds values of events, so it is encrypted where those are: the
// file is then sealedMagic and a message of package vault.
const (
	sealedMagic = "GWDET\x00\x00S"
	keyPurpose  = "detect"
)

func checkpointLabel(offset queue.Offset) []byte {
	return fmt.Appendf(nil, "%s %d", keyPurpose, offset)
}

// sealed encrypts the content of a checkpoint, if it is to be.
func (d *checkpoints) sealed(offset queue.Offset, b []byte) ([]byte, error) {
	if !d.encrypt {
		return b, nil
	}
	if d.keys == nil {
		return nil, errors.New("encrypt checkpoint: there is no key ring")
	}
	key, err := d.keys.Current(keyPurpose, time.Now(), vault.KeyAge)
	if err != nil {
		return nil, err
	}
	s, err := key.Sealer()
	if err != nil {
		return nil, err
	}
	return s.Seal([]byte(sealedMagic), b, checkpointLabel(offset)), nil
}

// unsealed returns the content of a checkpoint. What is damaged it returns as it
// is; without any key it fails, for the state is not lost.
func (d *checkpoints) unsealed(offset queue.Offset, b []byte) ([]byte, error) {
	message, ok := bytes.CutPrefix(b, []byte(sealedMagic))
	if !ok {
		return b, nil
	}
	if d.keys == nil {
		return nil, fmt.Errorf("it is encrypted and %w", vault.ErrNoMaster)
	}
	plain, err := d.keys.Unseal(nil, message, checkpointLabel(offset))
	if errors.Is(err, vault.ErrDamaged) || errors.Is(err, vault.ErrUnknownKey) {
		return b, nil
	}
	return plain, err
}
