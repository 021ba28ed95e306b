package segment

import (
	"encoding/binary"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// idRange says between which sequence numbers the made ids of a column lie, all
// of one epoch. It serves instead of a filter.
type idRange struct {
	lo, hi uint64
	epoch  [16]byte
}

const idRangeBytes = 32

// idRangeOf returns the range of a column of made ids, nil if they are of
// several epochs.
func idRangeOf(c *Column) *idRange {
	first := textAt(c.nums[0], c.data)[:32]
	r := &idRange{lo: 1<<64 - 1}
	for i := range r.epoch {
		r.epoch[i] = nibbles[first[2*i]]<<4 | nibbles[first[2*i+1]]
	}
	for _, x := range c.nums[:c.n] {
		s := textAt(x, c.data)
		if string(s[:32]) != string(first) {
			return nil
		}
		seq, _ := madeSeq(s)
		r.lo, r.hi = min(r.lo, seq), max(r.hi, seq)
	}
	return r
}

func (r *idRange) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, r.lo)
	dst = binary.LittleEndian.AppendUint64(dst, r.hi)
	return append(dst, r.epoch[:]...)
}

func readIDRange(b []byte) *idRange {
	return &idRange{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), [16]byte(b[16:])}
}

// mayHold tells whether a value with the token may be in the range.
func (r *idRange) mayHold(token string) bool {
	s := []byte(token)
	seq, ok := madeSeq(s)
	if !ok || seq < r.lo || seq > r.hi {
		return false
	}
	t := idText{epochs: r.epoch[:], seq: []uint64{seq}}
	own, _ := t.append(nil, nil, 0, nil)
	return strings.EqualFold(string(own), token)
}

// idRange returns what serves a column that was just encoded instead of a filter,
// nil if nothing does.
func (s *Sealer) idRange(g *growing, c *Column, enc byte) *idRange {
	if enc != encIDs || !g.key.Is(event.EventID) {
		return nil
	}
	return idRangeOf(c)
}
