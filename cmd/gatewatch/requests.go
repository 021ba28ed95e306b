package main

import (
	"context"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/vault"
)

// requestKeys are the keys of requests that are kept for replay: those of the key
// ring of the data folder, whatever encryption.enabled says.
type requestKeys struct {
	settings *settings

	mu   sync.Mutex
	ring *vault.Ring // nil until one is there
}

// existing returns the ring, nil if there is none.
func (k *requestKeys) existing() (*vault.Ring, error) { return k.open(false) }

// made returns the ring, which is made if need be.
func (k *requestKeys) made() (*vault.Ring, error) { return k.open(true) }

func (k *requestKeys) open(create bool) (*vault.Ring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ring == nil {
		k.ring = k.settings.Store.Keys
	}
	if k.ring != nil {
		return k.ring, nil
	}
	var err error
	k.ring, err = k.settings.keyRing(create)
	return k.ring, err
}

// requestLibrary reads the requests for replay that a store holds.
func requestLibrary(s *store.Columnar, keys *requestKeys) *kept.Library {
	return &kept.Library{Find: s.Requests, Ring: keys.existing}
}

// expireEvery is how often keys are looked through for old ones.
const expireEvery = time.Hour

// expireRequests destroys the keys of requests that are older than these are kept.
func (v *server) expireRequests(ctx context.Context) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		ring, err := v.requests.existing()
		if err == nil && ring != nil {
			var n int
			if n, err = kept.Expire(ring, time.Now(), v.settings.Store.RequestAge()); n > 0 {
				v.log.Info("keys of old requests for replay destroyed", "keys", n)
			}
		}
		if err != nil {
			v.log.Error("destroy keys of old requests for replay", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
