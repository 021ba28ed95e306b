package query

import (
	"math"
	"math/bits"
)

// exactDistinct is up to how many values are counted exactly; registerBits
// gives the size of the estimate beyond, whose standard error is 0.4 %.
const (
	exactDistinct = 40_000
	registerBits  = 16
	registers     = 1 << registerBits
)

// A table begins with so many places. When seven of eight are taken it grows by
// half, a large one by a quarter: what may become too much for a query are large
// tables that are nearly full, so they stay dense rather than quick to grow.
const (
	firstPlaces = 8
	largePlaces = 16 << 10
	mergePasses = 16
)

// distinct counts different hashes: exactly while there are few, then with
// HyperLogLog. Its result does not depend on the order of additions and merges.
type distinct struct {
	table []uint64 // open addressing from home on, 0 is free; nil beyond exactDistinct
	zero  bool     // the hash 0 is there
	n     int      // hashes in the table
	ranks []uint8  // the registers; nil while counting exactly
}

// add counts a hash and returns by how many bytes the state grew.
func (d *distinct) add(h uint64) int64 {
	if d.ranks != nil {
		d.observe(h)
		return 0
	}
	if h == 0 {
		d.zero = true
		return 0
	}
	if !d.insert(h) {
		return 0
	}
	if d.n > exactDistinct {
		return d.estimate()
	}
	if 8*d.n <= 7*len(d.table) {
		return 0
	}
	return d.grow()
}

// peek reads the memory that add of a hash begins with. What it returns means
// nothing.
func (d *distinct) peek(h uint64) uint64 {
	switch {
	case d.ranks != nil:
		return uint64(d.ranks[h>>(64-registerBits)])
	case d.table != nil:
		return d.table[home(h, len(d.table))]
	}
	return 0
}

// home returns where in a table of n places the search for a hash begins.
func home(h uint64, n int) int {
	at, _ := bits.Mul64(h, uint64(n))
	return int(at)
}

// insert puts a hash into the table and tells whether it is new.
func (d *distinct) insert(h uint64) bool {
	if d.table == nil {
		d.table = make([]uint64, firstPlaces)
	}
	table := d.table
	i := home(h, len(table))
	for table[i] != 0 {
		if table[i] == h {
			return false
		}
		if i++; i == len(table) {
			i = 0
		}
	}
	table[i] = h
	d.n++
	return true
}

func (d *distinct) grow() int64 {
	old := d.table
	more := max(firstPlaces, len(old)/2)
	if len(old) >= largePlaces {
		more = len(old) / 4
	}
	table := make([]uint64, len(old)+more)
	for _, h := range old {
		if h == 0 {
			continue
		}
		i := home(h, len(table))
		for table[i] != 0 {
			if i++; i == len(table) {
				i = 0
			}
		}
		table[i] = h
	}
	d.table = table
	return int64(8 * more)
}

// estimate changes to registers.
func (d *distinct) estimate() int64 {
	old := d.table
	d.table, d.ranks = nil, make([]uint8, registers)
	for _, h := range old {
		if h != 0 {
			d.observe(h)
		}
	}
	if d.zero {
		d.observe(0)
	}
	return int64(registers - 8*len(old))
}

func (d *distinct) observe(h uint64) {
	rank := uint8(bits.LeadingZeros64(h<<registerBits|1<<(registerBits-1)) + 1)
	if r := &d.ranks[h>>(64-registerBits)]; *r < rank {
		*r = rank
	}
}

func (d *distinct) merge(o *distinct) int64 {
	if o.ranks == nil {
		return d.addAll(o)
	}
	var grown int64
	if d.ranks == nil {
		grown = d.estimate()
	}
	for i, r := range o.ranks {
		d.ranks[i] = max(d.ranks[i], r)
	}
	return grown
}

// addAll adds what another set counts exactly. Its hashes lie in order, so they are
// taken in several passes: in order they would all crowd into the front of a table
// that has yet to grow.
func (d *distinct) addAll(o *distinct) int64 {
	var grown int64
	for first := range mergePasses {
		for i := first; i < len(o.table); i += mergePasses {
			if h := o.table[i]; h != 0 {
				grown += d.add(h)
			}
		}
	}
	if o.zero {
		grown += d.add(0)
	}
	return grown
}

// count returns the number, estimated as Ertl does (New cardinality estimation
// algorithms for HyperLogLog sketches, 2017, algorithm 6), which needs no
// correction for a range.
func (d *distinct) count() int64 {
	if d.ranks == nil {
		n := int64(d.n)
		if d.zero {
			n++
		}
		return n
	}
	const q = 64 - registerBits
	var histogram [q + 2]int
	for _, r := range d.ranks {
		histogram[r]++
	}
	z := registers * tau(1-float64(histogram[q+1])/registers)
	for k := q; k >= 1; k-- {
		z = 0.5 * (z + float64(histogram[k]))
	}
	z += registers * sigma(float64(histogram[0])/registers)
	return int64(math.Round(registers / (2 * math.Ln2) * registers / z))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}
