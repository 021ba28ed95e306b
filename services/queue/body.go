package queue

import (
	"encoding/binary"
	"math"
	"slices"
)

// The body of a frame, with numbers as varints and strings as length and bytes:
//
//	groups, then per group: source, format, peer, header, epoch (16 bytes),
//	parser, records, then per record: id, seq, received, raw
//	then per record that was cut: how many whole ones there are before it since
//	the last cut one
//
// seq and received are signed differences to the record before, so that a run
// of records costs about four bytes each beside its text.
const (
	minGroup  = 4 + 16 + 2
	minRecord = 4
	maxGroup  = 4*binary.MaxVarintLen32 + 16 + 2*binary.MaxVarintLen32
	maxRecord = 2*binary.MaxVarintLen32 + 2*binary.MaxVarintLen64
)

// measure returns how many records the groups hold and an upper bound of the
// size of their body.
func measure(groups []Group) (records int, bound int64) {
	bound = binary.MaxVarintLen32
	for i := range groups {
		g := &groups[i]
		records += len(g.Records)
		bound += maxGroup + int64(len(g.Source)+len(g.Format)+len(g.Peer)+len(g.Header))
		for j := range g.Records {
			bound += maxRecord + int64(len(g.Records[j].ID)+len(g.Records[j].Raw))
			if g.Records[j].Cut {
				bound += binary.MaxVarintLen32
			}
		}
	}
	return records, bound
}

// appendBody encodes the groups behind dst. The raw bytes of the records are
// parts of the result afterwards.
func appendBody(dst []byte, groups []Group) []byte {
	_, bound := measure(groups)
	dst = slices.Grow(dst, int(bound)) // so that it stays where it is
	dst = binary.AppendUvarint(dst, uint64(len(groups)))
	for i := range groups {
		g := &groups[i]
		dst = appendString(dst, g.Source)
		dst = appendString(dst, g.Format)
		dst = appendString(dst, g.Peer)
		dst = appendString(dst, g.Header)
		dst = append(dst, g.Epoch[:]...)
		dst = binary.AppendUvarint(dst, uint64(g.Parser))
		dst = binary.AppendUvarint(dst, uint64(len(g.Records)))
		var seq, received int64
		for j := range g.Records {
			r := &g.Records[j]
			dst = appendString(dst, r.ID)
			dst = binary.AppendVarint(dst, int64(r.Seq)-seq)
			dst = binary.AppendVarint(dst, r.Received-received)
			seq, received = int64(r.Seq), r.Received
			dst = binary.AppendUvarint(dst, uint64(len(r.Raw)))
			at := len(dst)
			dst = append(dst, r.Raw...)
			r.Raw = dst[at:len(dst):len(dst)]
		}
	}
	return appendCuts(dst, groups)
}

// appendCuts encodes which records were cut.
func appendCuts(dst []byte, groups []Group) []byte {
	whole := uint64(0)
	for i := range groups {
		for j := range groups[i].Records {
			if whole++; groups[i].Records[j].Cut {
				dst = binary.AppendUvarint(dst, whole-1)
				whole = 0
			}
		}
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// decodeBody reads the groups of a body that holds count records. The raw bytes
// of the records are parts of b. It takes no more memory than a small multiple
// of len(b), whatever b says.
func decodeBody(b []byte, count uint32) ([]Group, error) {
	c := cursor{b: b}
	n := c.count(minGroup)
	if uint64(count)*minRecord > uint64(len(b)) {
		return nil, errBody
	}
	groups := make([]Group, n)
	records := make([]Record, 0, count)
	for i := range groups {
		g := &groups[i]
		g.Source, g.Format, g.Peer, g.Header = c.string(), c.string(), c.string(), c.string()
		copy(g.Epoch[:], c.bytes(uint64(len(g.Epoch))))
		parser := c.uvarint()
		if parser > math.MaxUint32 {
			return nil, errBody
		}
		g.Parser = uint32(parser)
		from, n := len(records), c.count(minRecord)
		if n > cap(records)-from {
			return nil, errBody
		}
		records = records[:from+n]
		g.Records = records[from : from+n : from+n]
		c.records(g.Records)
	}
	if c.bad || len(records) != int(count) || !c.cuts(records) {
		return nil, errBody
	}
	return groups, nil
}

// cursor reads a body from its front; bad sticks.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) records(records []Record) {
	var seq, received int64
	for i := range records {
		r := &records[i]
		r.ID = c.string()
		seq += c.varint()
		received += c.varint()
		r.Seq, r.Received = uint64(seq), received
		r.Raw = c.bytes(c.uvarint())
	}
}

// cuts reads the rest of the body: which records were cut.
func (c *cursor) cuts(records []Record) bool {
	for len(c.b) > 0 {
		whole := c.uvarint()
		if whole >= uint64(len(records)) {
			return false
		}
		records[whole].Cut = true
		records = records[whole+1:]
	}
	return !c.bad
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return v
}

// count reads a number of things that take at least size bytes each.
func (c *cursor) count(size uint64) int {
	n := c.uvarint()
	if n > uint64(len(c.b))/size {
		c.fail()
		return 0
	}
	return int(n)
}

func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.fail()
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) string() string { return string(c.bytes(c.uvarint())) }

func (c *cursor) fail() { c.b, c.bad = nil, true }
