package triage

import (
	"hash/maphash"

	"github.com/gatewatch/gatewatch/detection/event"
)

// maxOnce bounds the decisions of one scan that are told apart, about 40 MB. Those
// behind them are told from these, not from each other.
const maxOnce = 1 << 21

// once knows the decisions of one scan by hashes that no sender can foresee.
type once struct {
	hash maphash.Hash
	seen map[uint64]struct{}
}

func newOnce() *once { return &once{seen: map[uint64]struct{}{}} }

// first tells whether a decision has not been seen before.
func (o *once) first(e *event.Event) bool {
	o.hash.Reset() // keeps the seed
	_, _ = o.hash.WriteString(e.ID)
	_ = o.hash.WriteByte(0) // in no name of a source
	_, _ = o.hash.WriteString(e.Source)
	h := o.hash.Sum64()
	if _, ok := o.seen[h]; ok {
		return false
	}
	if len(o.seen) < maxOnce {
		o.seen[h] = struct{}{}
	}
	return true
}
