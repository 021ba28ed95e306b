package segment

import (
	"slices"
	"sync/atomic"

	"github.com/gatewatch/gatewatch/detection/event"
)

// probe is what tells, without the directory of a block, whether values of a key
// can be in the block.
type probe struct {
	key       event.Key
	zone      Zone
	ids       *idRange // instead of a filter; nil says nothing
	filterOff int32    // from the start of the block
	filterLen int32    // 0 if there is no filter
	col       int32
	has       bool // the block has a column of the key, or a flattened column that may have it
}

// maxProbes bounds the keys that a block has probes of, those that came last:
// queries ask every block for the same few, while directories are many times
// as large and of a large store do not stay in the cache.
const maxProbes = 8

// probes are those of a block. The zero probes is empty; it may be used
// concurrently.
type probes struct{ list atomic.Pointer[[]probe] }

func (p *probes) find(k event.Key) *probe {
	list := p.list.Load()
	if list == nil {
		return nil
	}
	for i := range *list {
		if x := &(*list)[i]; x.key.Is(k) {
			return x
		}
	}
	return nil
}

// add makes a probe known. Of two that are added at once one may be lost.
func (p *probes) add(x *probe) {
	var known []probe
	if list := p.list.Load(); list != nil {
		known = *list
	}
	if len(known) == maxProbes {
		known = known[1:]
	}
	list := append(slices.Clip(known), *x)
	p.list.Store(&list)
}

// probe returns what is known of a key, from the directory the first time.
func (b *Block) probe(k event.Key) (*probe, error) {
	if p := b.probes.find(k); p != nil {
		return p, nil
	}
	d, err := b.directory()
	if err != nil {
		return nil, err
	}
	p := &probe{key: k, col: int32(d.find(k))}
	if p.col < 0 {
		p.has = d.rest != 0 && memberOf(k) < 0
	} else {
		c := &d.cols[p.col]
		p.has, p.zone, p.ids = true, c.zone, c.ids
		p.filterOff, p.filterLen = int32(c.bloomOff), int32(c.bloomLen)
	}
	b.probes.add(p)
	return p, nil
}

// Probed tells whether [Block.Zone] and [Block.MayEqual] know what the directory
// says of all keys.
func (b *Block) Probed(keys []event.Key) bool {
	return b.view != nil || !slices.ContainsFunc(keys, func(k event.Key) bool {
		return !b.label.names(k) && b.probes.find(k) == nil
	})
}
