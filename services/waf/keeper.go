package waf

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
)

// keeper makes the copies of requests that are kept for replay, behind the
// requests: it masks them, has them judged once more, and puts them into the
// spool. It is one goroutine that works a small part of the time. What comes
// faster is counted and left out (see [drafts]), and so is all while the spool is
// half full: it is there for events.
type keeper struct {
	node    *Node
	metrics *keepMetrics
	put     func([]byte) bool // into the spool
	room    func() bool       // whether the spool has room for copies
	failed  occasional

	mu     sync.Mutex
	drafts drafts
	closed bool
	wake   chan struct{}
}

// draft is a copy that is not masked yet.
type draft struct {
	copy   kept.Copy
	site   *site
	client netip.Addr    // whose place it takes
	limit  time.Duration // of judging it
}

// keepShare is how long the keeper rests after its work, as a multiple of that:
// it takes a fifth of a processor at most.
const keepShare = 4

// keepFarewell is how long a node that stops makes copies of what waits.
const keepFarewell = time.Second

func newKeeper(n *Node) *keeper {
	k := &keeper{
		node: n, metrics: newKeepMetrics(n.registry), wake: make(chan struct{}, 1),
		put:  func(record []byte) bool { return n.spool.Put(record) },
		room: func() bool { return n.spool.Stats().Bytes < n.config.Spool.MaxBytes/2 },
	}
	k.drafts = newDrafts(k.drop)
	return k
}

// mayTake tells whether there is room for one more draft, before it is made. One
// that is turned away is counted.
func (k *keeper) mayTake(site, why string, client netip.Addr) bool {
	k.mu.Lock()
	may := !k.closed && k.drafts.mayPut(site, why, client)
	k.mu.Unlock()
	if !may {
		k.drop(site, dropBehind)
	}
	return may
}

// take takes a draft over and returns the probability with which such a one is kept,
// 0 if it is not; then it is counted.
func (k *keeper) take(d draft) float64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		k.drop(d.site.name, dropBehind)
		return 0
	}
	probability := k.drafts.put(d)
	if probability > 0 {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
	return probability
}

func (k *keeper) drop(site, reason string) { k.metrics.dropped.WithLabelValues(site, reason).Inc() }

// next takes the draft out whose turn it is.
func (k *keeper) next() (draft, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.drafts.next()
}

// run makes copies until ctx ends, and then those that wait, as long as that is
// quick. The spool must be open until it returns.
func (k *keeper) run(ctx context.Context) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	<-rest.C
	for ctx.Err() == nil {
		d, ok := k.next()
		if !ok {
			select {
			case <-k.wake:
			case <-ctx.Done():
			}
			continue
		}
		began := time.Now()
		k.finish(&d)
		rest.Reset(keepShare * time.Since(began))
		select {
		case <-rest.C:
		case <-ctx.Done():
		}
	}
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	end := time.Now().Add(keepFarewell)
	for d, ok := k.next(); ok; d, ok = k.next() {
		if time.Now().After(end) {
			k.drop(d.site.name, dropBehind)
			continue
		}
		k.finish(&d)
	}
}

// finish makes the copy of a draft and puts it into the spool. A panic costs this
// copy alone.
func (k *keeper) finish(d *draft) {
	reason := dropError
	defer func() {
		if p := recover(); p != nil {
			k.logKeep(d, fmt.Errorf("panic: %v", p))
		}
		if reason != "" {
			k.drop(d.site.name, reason)
		}
	}()
	if !k.room() {
		reason = dropSpool
		return
	}
	record, err := d.record()
	switch {
	case err != nil:
		k.logKeep(d, err)
	case len(record) > kept.MaxRecord:
		reason = dropSize
	case !k.put(record):
		reason = dropSpool
	default:
		reason = ""
		k.metrics.copies.WithLabelValues(d.site.name, d.copy.Why).Inc()
		if !d.copy.Faithful {
			k.metrics.unfaithful.WithLabelValues(d.site.name).Inc()
		}
	}
}

// record masks the copy and makes its record. What is judged again is what a
// reader of the record gets.
func (d *draft) record() ([]byte, error) {
	c := &d.copy
	whole := d.site.mask.mask(&c.Request)
	line, err := c.Request.MarshalJSON()
	if err != nil {
		return nil, err
	}
	read := kept.Copy{ID: c.ID, BodyBytes: c.BodyBytes}
	if err := verdict.ReadRequest(line, &read.Request); err != nil {
		return nil, err
	}
	decision, err := d.site.engine.judgeCopy(&read, func(v *evaluation) { v.until(time.Now().Add(d.limit)) })
	c.Faithful = whole && err == nil && decidesSame(c, &decision)
	return c.Record()
}
