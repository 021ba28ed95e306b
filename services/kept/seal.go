package kept

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gatewatch/gatewatch/services/vault"
)

// purpose is that of the data keys of copies.
const purpose = "request"

// day is how long a data key seals new copies.
const day = 24 * time.Hour

// maxRequest bounds the request of a copy, unpacked.
const maxRequest = 8 << 20

// Sealer seals copies that nodes send, before they are made durable anywhere.
// Its methods may be called concurrently.
type Sealer struct {
	ring func() (*vault.Ring, error) // called for each copy
	now  func() time.Time
	zstd *zstd.Encoder

	mu     sync.Mutex
	key    *vault.Key
	sealer *vault.Sealer
}

// NewSealer makes a sealer with the keys of a ring, which may be made when it is
// asked for first. now is the clock that days are counted by.
func NewSealer(ring func() (*vault.Ring, error), now func() time.Time) (*Sealer, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("make sealer of requests: %w", err)
	}
	return &Sealer{ring: ring, now: now, zstd: z}, nil
}

// Seal returns the record of a node with its request sealed under the key of the
// day, and with the name of the node that sent it. One that is not a copy is
// sealed whole and says what is wrong with it. An error is of the keys alone, and
// the same record may be tried again.
func (s *Sealer) Seal(node string, raw []byte) ([]byte, error) {
	sealer, err := s.today()
	if err != nil {
		return nil, fmt.Errorf("seal copy of request: %w", err)
	}
	w, err := readRecord(raw)
	request := []byte(w.Request)
	if err != nil {
		w = wire{Time: s.now().UTC(), Error: "copy of a request cannot be read: " + err.Error()}
		request = raw[:min(len(raw), MaxRecord)]
	}
	w.Dataset, w.Kind, w.Node, w.Request = Format, "event", node, nil
	w.Sealed = sealer.Seal(nil, s.zstd.EncodeAll(request, nil), label(node, w.ID))
	return w.encode()
}

// today returns the sealer of the key of the day.
func (s *Sealer) today() (*vault.Sealer, error) {
	ring, err := s.ring()
	if err != nil {
		return nil, err
	}
	key, err := ring.Current(purpose, s.now(), day)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != key {
		if s.sealer, err = key.Sealer(); err != nil {
			return nil, err
		}
		s.key = key
	}
	return s.sealer, nil
}

// label is what a sealed request is bound to.
func label(node, id string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %q %q", Format, node, id)
	return b.Bytes()
}

// Expire destroys the keys whose copies are all older than keep, a negative one
// destroys none, and returns how many there were.
func Expire(ring *vault.Ring, now time.Time, keep time.Duration) (int, error) {
	if keep < 0 {
		return 0, nil
	}
	var old []vault.ID
	for _, k := range ring.List() {
		if k.Purpose == purpose && now.Sub(k.Created) > day+keep {
			old = append(old, k.ID)
		}
	}
	if len(old) == 0 {
		return 0, nil
	}
	if err := ring.Destroy(old...); err != nil {
		return 0, fmt.Errorf("destroy keys of old copies of requests: %w", err)
	}
	return len(old), nil
}
