package segment

import "github.com/gatewatch/gatewatch/detection/event"

// offsetKey names the column of queue offsets where a block is described. It is
// no field of events.
var offsetKey = event.Intern("gatewatch.offset")

// Offsets returns the queue offset of each row, [NoOffset] for those without,
// and nil if no row has one.
func (b *Block) Offsets() ([]uint64, error) {
	c, err := b.offsetColumn()
	if c == nil || err != nil {
		return nil, err
	}
	all := make([]uint64, b.rows)
	if c.rowOf != nil || c.n < b.rows {
		for i := range all {
			all[i] = NoOffset
		}
	}
	for i := range c.n {
		all[c.Row(i)] = c.num(i)
	}
	return all, nil
}

func (b *Block) offsetColumn() (*Column, error) {
	if b.view != nil {
		return b.view.at, nil
	}
	d, err := b.directory()
	if err != nil || d.at == 0 {
		return nil, err
	}
	return b.load(d, d.at-1)
}

// OffsetBounds returns the lowest and the highest queue offset of the rows, and
// false if no row has one. It reads the directory alone.
func (b *Block) OffsetBounds() (lo, hi uint64, ok bool, err error) {
	if b.view != nil {
		all, err := b.Offsets()
		lo = NoOffset
		for _, at := range all {
			if at != NoOffset {
				lo, hi, ok = min(lo, at), max(hi, at), true
			}
		}
		return lo, hi, ok, err
	}
	d, err := b.directory()
	if err != nil || d.at == 0 {
		return 0, 0, false, err
	}
	z := d.cols[d.at-1].zone
	if z.Kind != event.KindInt {
		return 0, 0, false, damaged("check queue offsets")
	}
	return z.Lo, z.Hi, true, nil
}
