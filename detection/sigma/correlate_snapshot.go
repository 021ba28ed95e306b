package sigma

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// snapshotMagic begins a snapshot; its last byte is the version of the format:
//
//	magic, check of the hash key (8 bytes), clock, fired, late, evicted, truncated, cut, cursor,
//	number of correlations, for each: fingerprint (8 bytes), number of groups, and these
//	from the oldest to the newest: key, touched, fired, capacity as a power of two,
//	number of entries, entries (time since the one before, and what it adds, 8 bytes),
//	number of windows that fed it, for each: when, and when it began
//	xxhash64 of all before it (8 bytes, little endian like the other fixed numbers)
//
// Numbers without a size are varints, times are signed nanoseconds. Version 1 has no
// windows; it is read, and written no more.
const (
	snapshotMagic    = "gwcorr\x00\x02"
	snapshotMagicOld = "gwcorr\x00\x01"
)

// ErrSnapshot says that bytes are no snapshot that this correlator can take over.
var ErrSnapshot = errors.New("no usable correlation snapshot")

// AppendSnapshot appends the whole state.
func (c *Correlator) AppendSnapshot(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, snapshotMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, c.keyCheck())
	dst = binary.AppendVarint(dst, c.clock)
	for _, n := range []uint64{c.stats.Fired, c.stats.Late, c.stats.Evicted, c.stats.Truncated, c.stats.Cut, uint64(c.cursor)} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.links.list)))
	for i, l := range c.links.list {
		list := c.groups.lists[i]
		dst = binary.LittleEndian.AppendUint64(dst, l.fingerprint())
		dst = binary.AppendUvarint(dst, uint64(list.live))
		for n := list.oldest; n != 0; {
			g := c.groups.at(n - 1)
			dst = appendGroup(dst, g, c.groups.begun[n-1])
			n = g.newer
		}
	}
	return binary.LittleEndian.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

func appendGroup(dst []byte, g *group, windows []begun) []byte {
	dst = appendKeyText(dst, stringBytes(g.key))
	dst = binary.AppendVarint(dst, g.touched)
	dst = binary.AppendVarint(dst, g.fired)
	dst = append(dst, byte(bits.Len(uint(cap(g.entries)))))
	dst = binary.AppendUvarint(dst, uint64(len(g.entries)))
	last := int64(0)
	for _, x := range g.entries {
		dst = binary.AppendVarint(dst, x.t-last)
		dst = binary.LittleEndian.AppendUint64(dst, x.v)
		last = x.t
	}
	dst = binary.AppendUvarint(dst, uint64(len(windows)))
	for _, b := range windows {
		dst = binary.AppendVarint(dst, b.t)
		dst = binary.AppendVarint(dst, b.start)
	}
	return dst
}

// keyCheck tells one hash key from another.
func (c *Correlator) keyCheck() uint64 {
	return siphash(c.k0, c.k1, []byte("gatewatch correlation snapshot"))
}

// fingerprint is the same as long as the groups of a correlation mean the same.
func (l *linked) fingerprint() uint64 {
	c := l.rule
	h := xxhash.New()
	fmt.Fprintf(h, "%q %q %d %q %v %q %v", c.Key(), c.Type, l.timespan, c.GroupBy, l.bounds, c.Field, l.percentile)
	for n := range c.Rules {
		fmt.Fprintf(h, " %q", c.Rules[n].Name)
		for _, g := range l.groupBy {
			fmt.Fprintf(h, " %q %d", g.keys[n], g.inner[n])
		}
	}
	if c.Extended != nil {
		fmt.Fprintf(h, " %q", c.Extended.Text)
	}
	return h.Sum64()
}

// Restore puts the state of a snapshot in place of what there is: the events that
// follow give the same firings as they would have where it was taken. The groups
// of correlations that are no more, or that were changed, are left out; their
// number is returned. On an error, which wraps [ErrSnapshot], nothing changes.
func (c *Correlator) Restore(snapshot []byte) (dropped int, err error) {
	r := snapshotReader{c: c}
	if err := r.open(snapshot); err != nil {
		return 0, fmt.Errorf("restore correlations: %w: %w", ErrSnapshot, err)
	}
	r.groups.init(c.links)
	r.clock = r.varint()
	stats := CorrelatorStats{Fired: r.uvarint(), Late: r.uvarint(), Evicted: r.uvarint(), Truncated: r.uvarint(), Cut: r.uvarint()}
	cursor := r.uvarint()
	for n := r.count(9); n > 0 && r.err == nil; n-- {
		r.correlation()
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = errors.New("bytes left over")
	}
	if r.err != nil {
		return 0, fmt.Errorf("restore correlations: %w: %w", ErrSnapshot, r.err)
	}
	c.clock, c.stats, c.groups, c.cursor = r.clock, stats, r.groups, 0
	if len(c.links.list) > 0 {
		c.cursor = int(cursor % uint64(len(c.links.list)))
	}
	c.stats.Evicted += r.evicted
	return r.dropped, nil
}

// snapshotReader reads with all sizes bounded by the bytes there are.
type snapshotReader struct {
	c       *Correlator
	b       []byte
	err     error
	byPrint map[uint64][]*linked // in their order, those without a part yet
	groups  groupTable
	dropped int
	evicted uint64
	clock   int64
	old     bool // version 1
}

// open checks the frame.
func (r *snapshotReader) open(b []byte) error {
	const fixed = len(snapshotMagic) + 16
	if len(b) < fixed {
		return errors.New("unknown format or version")
	}
	switch string(b[:len(snapshotMagic)]) {
	case snapshotMagic:
	case snapshotMagicOld:
		r.old = true
	default:
		return errors.New("unknown format or version")
	}
	body := b[:len(b)-8]
	if binary.LittleEndian.Uint64(b[len(body):]) != xxhash.Sum64(body) {
		return errors.New("checksum differs")
	}
	if binary.LittleEndian.Uint64(b[len(snapshotMagic):]) != r.c.keyCheck() {
		return errors.New("made with another hash key")
	}
	r.b = body[len(snapshotMagic)+8:]
	r.byPrint = map[uint64][]*linked{}
	for _, l := range r.c.links.list {
		part := l.fingerprint()
		r.byPrint[part] = append(r.byPrint[part], l)
	}
	return nil
}

func (r *snapshotReader) correlation() {
	part := r.fixed64()
	var l *linked
	if twins := r.byPrint[part]; len(twins) > 0 {
		l, r.byPrint[part] = twins[0], twins[1:] // one part for each, in their order
	}
	for n := r.count(5); n > 0 && r.err == nil; n-- {
		r.group(l)
	}
}

func (r *snapshotReader) group(l *linked) {
	size := r.count(1)
	key := r.b[:size]
	r.b = r.b[size:]
	touched, fired := r.varint(), r.varint()
	log := r.byte()
	n := r.count(9)
	if r.err != nil {
		return
	}
	if touched > r.clock || fired > maxSpan || log < 1 || log > 30 || n == 0 || n > 1<<(log-1) || 1<<(log-1) > 4*max(n, r.c.cfg.MaxEntries) {
		r.err = errors.New("group has an impossible size")
		return
	}
	entries := make([]entry, 0, n)
	last := int64(0)
	for range n {
		x := entry{last + r.varint(), r.fixed64()}
		if r.err == nil && (len(entries) > 0 && x.t < last || x.t < -maxSpan || x.t > maxSpan || l != nil && l.temporal && x.v >= uint64(len(l.rule.Rules))) {
			r.err = errors.New("entries of a group are impossible")
		}
		if r.err != nil {
			return
		}
		entries = append(entries, x)
		last = x.t
	}
	windows := r.windows()
	if r.err != nil {
		return
	}
	if l == nil {
		r.dropped++
		return
	}
	if len(splitKey(nil, string(key))) != len(l.groupBy) {
		r.err = errors.New("key of a group is impossible")
		return
	}
	hash := r.c.hashGroup(l.index, key)
	if _, twice := r.groups.find(l.index, hash, key); twice {
		r.err = errors.New("group is there twice")
		return
	}
	number := r.groups.add(l.index, hash, key)
	for i := range windows {
		r.groups.begin(number, windows[i], never)
	}
	g := r.groups.at(number)
	g.touched, g.fired, g.entries = touched, fired, append(g.entries[:0:firstEntries], entries[:1]...)
	r.groups.resize(g, 1<<(log-1))
	g.entries = append(g.entries, entries[1:]...)
	for r.groups.bytes > r.c.cfg.MaxBytes {
		n, _ := r.groups.victim()
		r.groups.remove(n)
		r.evicted++
	}
}

// windows reads those that fed a group.
func (r *snapshotReader) windows() []begun {
	if r.old {
		return nil
	}
	n := r.count(2)
	if n > maxBegun {
		r.err = errors.New("group was fed by too many windows")
	}
	var list []begun
	for ; n > 0 && r.err == nil; n-- {
		b := begun{r.varint(), r.varint()}
		if b.start >= b.t || b.start < -maxSpan || b.t > maxSpan {
			r.err = errors.New("window that fed a group is impossible")
		}
		list = append(list, b)
	}
	return list
}

func (r *snapshotReader) varint() int64 {
	v, n := binary.Varint(r.b)
	return take(r, v, n)
}

func (r *snapshotReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	return take(r, v, n)
}

// take moves behind a number of n bytes, of which none or less is an error.
func take[T int64 | uint64](r *snapshotReader, v T, n int) T {
	if r.err == nil && n <= 0 {
		r.err = errors.New("ends too early")
	}
	if r.err != nil {
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *snapshotReader) byte() byte {
	if len(r.b) == 0 {
		return byte(take(r, uint64(0), 0))
	}
	return byte(take(r, uint64(r.b[0]), 1))
}

func (r *snapshotReader) fixed64() uint64 {
	if len(r.b) < 8 {
		return take(r, uint64(0), 0)
	}
	return take(r, binary.LittleEndian.Uint64(r.b), 8)
}

// count reads a number of things that take at least so many bytes each.
func (r *snapshotReader) count(each int) int {
	n := r.uvarint()
	if r.err == nil && n > uint64(len(r.b)/each) || n > math.MaxInt32 {
		r.err = errors.New("counts more than there is")
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}
