package sigma

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// padding is how many zero bytes stand behind a folded text, so that the loops
// below may read whole words.
const padding = 8

// grams finds which of many literals occur in a text. Each literal is filed under
// one of its four-byte pieces, the rarest among all literals; a bitmap tells for
// each place of the text whether a piece is filed at all, and only then the literals
// are compared. Unlike an automaton's, the steps do not wait for each other.
// Literals of three and two bytes are filed under a pair of bytes in a bitmap of their
// own; single bytes are looked for one after the other.
type grams struct {
	four, two gramTable
	one       []byteLiteral
	text      []byte // of all literals
}

type byteLiteral struct {
	c    byte
	post span
}

type gramTable struct {
	bitmap []uint64
	shift  uint     // of a hash to the bitmap's index
	heads  []uint32 // first entry by hash; the next head ends it
	hshift uint     // of a hash to heads' index
	list   []gramEntry
}

type gramEntry struct {
	piece uint32 // its bytes
	at    int32  // offset of the piece in the literal
	from  int32  // of the literal in grams.text
	size  int32
	post  span
}

// gramLiteral is one literal, not empty, and what to report for it.
type gramLiteral struct {
	text string
	post span
}

const (
	gramFactor = 0x9e3779b1
	minBitmap  = 9 // binary logarithm of the smallest bitmap's bits
)

func gramHash(piece uint32) uint32 { return piece * gramFactor }

func piece4(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// newGrams builds the index; texts must be different.
func newGrams(literals []gramLiteral) *grams {
	if len(literals) == 0 {
		return nil
	}
	g := &grams{}
	count := map[uint32]int{} // how often a piece occurs in all literals
	for _, l := range literals {
		for i := 0; i+4 <= len(l.text); i++ {
			count[piece4(l.text[i:])]++
		}
	}
	filed := map[uint32]int{}
	var four, two []gramEntry
	for _, l := range literals {
		e := gramEntry{from: int32(len(g.text)), size: int32(len(l.text)), post: l.post}
		g.text = append(g.text, l.text...)
		switch t := l.text; len(t) {
		case 1:
			g.one = append(g.one, byteLiteral{t[0], l.post})
		case 2, 3:
			if len(t) == 3 && commonness(t[1:]) < commonness(t[:2]) {
				e.at = 1
			}
			e.piece = uint32(t[e.at]) | uint32(t[e.at+1])<<8
			two = append(two, e)
		default:
			e.at, e.piece = rarest(t, count, filed)
			filed[e.piece]++
			four = append(four, e)
		}
	}
	g.four, g.two = newGramTable(four), newGramTable(two)
	return g
}

// rarest picks the piece of a literal to file it under.
func rarest(t string, count, filed map[uint32]int) (at int32, piece uint32) {
	best := -1
	for i := 0; i+4 <= len(t); i++ {
		p := piece4(t[i:])
		cost := 4*filed[p] + 8*count[p] + commonness(t[i:i+4])
		if best < 0 || cost < best {
			best, at, piece = cost, int32(i), p
		}
	}
	return at, piece
}

// commonness guesses how often a piece occurs in text: blanks and small letters
// often, digits and signs seldom.
func commonness(s string) int {
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' || c == 'e' || c == 's' || c == 't' || c == '\\' || c == '/' || c == '0':
			n += 4
		case 'a' <= c && c <= 'z':
			n += 2
		case c == '.' || c == ':' || '1' <= c && c <= '9':
			n++
		}
	}
	return n
}

func newGramTable(entries []gramEntry) gramTable {
	if len(entries) == 0 {
		return gramTable{}
	}
	want := bits.Len(uint(len(entries) * 24)) // about 4 % of the bits are set
	want = min(max(want, 9), 18)
	t := gramTable{bitmap: make([]uint64, 1<<(want-6)), shift: 32 - uint(want)}
	hbits := max(bits.Len(uint(len(entries)))+1, 4)
	t.hshift = 32 - uint(hbits)
	t.heads = make([]uint32, 1<<hbits+1)
	for _, e := range entries {
		h := gramHash(e.piece)
		t.bitmap[h>>t.shift>>6] |= 1 << (h >> t.shift & 63)
		t.heads[h>>t.hshift+1]++
	}
	for i := 1; i < len(t.heads); i++ {
		t.heads[i] += t.heads[i-1]
	}
	t.list = make([]gramEntry, len(entries))
	fill := append([]uint32(nil), t.heads...)
	for _, e := range entries {
		i := gramHash(e.piece) >> t.hshift
		t.list[fill[i]] = e
		fill[i]++
	}
	return t
}

// scan calls hit with the postings of all literals in the first n bytes of text,
// behind which are padding zero bytes. It may do so several times for one.
func (g *grams) scan(text []byte, n int, hit func(span)) {
	switch {
	case g.two.bitmap != nil:
		g.scanAll(text, n, hit)
	case g.four.bitmap != nil:
		g.scanFour(text, n, hit)
	}
	for _, l := range g.one {
		if bytes.IndexByte(text[:n], l.c) >= 0 {
			hit(l.post)
		}
	}
}

func (g *grams) scanFour(text []byte, n int, hit func(span)) {
	bitmap, shift := g.four.bitmap, g.four.shift&31
	for i := 0; i+4 <= n; i++ {
		h := gramHash(binary.LittleEndian.Uint32(text[i:]))
		if b := h >> shift; bitmap[b>>6]>>(b&63)&1 != 0 {
			g.verify(&g.four, h, binary.LittleEndian.Uint32(text[i:]), text, i, n, hit)
		}
	}
}

// emptyBitmap stands for a table without literals.
var emptyBitmap = make([]uint64, 1<<(minBitmap-6))

// scanAll is scanFour with the shorter literals.
func (g *grams) scanAll(text []byte, n int, hit func(span)) {
	four, shift4 := g.four.bitmap, g.four.shift&31
	two, shift2 := g.two.bitmap, g.two.shift&31
	if four == nil {
		four, shift4 = emptyBitmap, 32-minBitmap
	}
	for i := 0; i+2 <= n; i++ {
		x := binary.LittleEndian.Uint32(text[i:])
		h4, h2 := gramHash(x), gramHash(x&0xffff)
		b4, b2 := h4>>shift4, h2>>shift2
		in4, in2 := four[b4>>6]>>(b4&63)&1, two[b2>>6]>>(b2&63)&1
		if in4|in2 == 0 {
			continue
		}
		if in4 != 0 {
			g.verify(&g.four, h4, x, text, i, n, hit)
		}
		if in2 != 0 {
			g.verify(&g.two, h2, x&0xffff, text, i, n, hit)
		}
	}
}

// verify compares the literals filed under a piece that stands at i.
func (g *grams) verify(t *gramTable, h, piece uint32, text []byte, i, n int, hit func(span)) {
	if t.list == nil {
		return
	}
	b := h >> (t.hshift & 31)
	list := t.list[t.heads[b]:t.heads[b+1]]
	for k := range list {
		e := &list[k]
		start := i - int(e.at)
		if e.piece != piece || start < 0 || start+int(e.size) > n {
			continue
		}
		if bytes.Equal(text[start:start+int(e.size)], g.text[e.from:e.from+e.size]) {
			hit(e.post)
		}
	}
}
