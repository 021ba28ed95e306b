package segment

import "github.com/gatewatch/gatewatch/detection/event"

// Times are the event times of the rows of a block, Unix nanoseconds. They are
// immutable and may be read concurrently.
type Times struct{ c *Column }

// Times returns the event times of the rows.
func (b *Block) Times() (Times, error) {
	c, err := b.Column(event.Timestamp)
	if err != nil {
		return Times{}, err
	}
	if c == nil {
		return Times{}, damaged("find times")
	}
	return Times{c}, nil
}

// At returns the time of a row.
func (t Times) At(row int) int64 { return int64(t.c.num(row)) }

// All returns the times of all rows, as the bits of int64. It belongs to the
// block.
func (t Times) All() []uint64 {
	if v := t.c.Numbers(); v != nil {
		return v
	}
	v := make([]uint64, t.c.n)
	for i := range v {
		v[i] = t.c.num(i)
	}
	return v
}
