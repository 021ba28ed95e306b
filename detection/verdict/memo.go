package verdict

import (
	"bytes"
	"hash/maphash"
)

// memo remembers what was thought of leaves, for clients send the same user
// agents, cookies and paths again and again. What it gives is what judging the
// leaf anew would give: its key holds all that judging looks at. It belongs to
// one reading.
type memo struct {
	of      *valueModel // whose opinions these are
	seed    maphash.Seed
	key     []byte
	entries []judged
}

type judged struct {
	key     []byte
	opinion opinion
	found   findings
}

const (
	memoSize = 1 << 9 // entries
	minMemo  = 8      // bytes: judging less costs no more than looking it up
	maxMemo  = 768
)

// look returns the place of a leaf in the memo, nil if it is not one to
// remember, and whether it is there.
func (c *memo) look(m *valueModel, l *leaf, site []byte) (e *judged, known bool) {
	size := len(l.name) + len(site) + len(l.value)
	if size < minMemo || size > maxMemo {
		return nil, false
	}
	if c.of != m {
		*c = memo{of: m, seed: maphash.MakeSeed(), entries: make([]judged, memoSize)}
	}
	c.key = append(c.key[:0], byte(l.place), byte(l.decoded), byte(len(l.name)), byte(len(l.name)>>8), byte(len(site)), byte(len(site)>>8))
	c.key = append(append(append(c.key, l.name...), site...), l.value...)
	e = &c.entries[maphash.Bytes(c.seed, c.key)%memoSize]
	return e, bytes.Equal(e.key, c.key)
}

// keep takes in what was thought of the leaf that was looked for last.
func (c *memo) keep(e *judged, o opinion, f *findings) {
	e.key = append(e.key[:0], c.key...)
	e.opinion, e.found = o, *f
}
