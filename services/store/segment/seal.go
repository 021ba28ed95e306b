package segment

import (
	"encoding/binary"
	"runtime"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// blockMagic begins every block, so that blocks are found again where the
// footer of a segment is lost.
const blockMagic = "GWBLOCK1"

// blockHeader is the length of a block's header: magic, flags (4 bytes,
// reserved), rows (4), lowest and highest time (8, 8), length of the block (8),
// position (8) and length (4) of its directory, checksum of the directory (4),
// checksum of the header (4).
const blockHeader = 60

// maxFiltered is the average length of text over which a column gets no filter:
// nobody asks for a whole page of text.
const maxFiltered = 256

// Sealer encodes the columns of a builder. It reuses its memory and belongs to
// one goroutine. A block is tens of milliseconds of work, and a goroutine is not
// interrupted for ten: between columns it lets those go first that wait for the
// processor, which may be queries.
type Sealer struct {
	enc    encoder
	derive deriver
	parts  []sealed
	out    []byte
	blooms []byte
	hashes []uint64
	token  []byte
}

// Seal encodes what a builder holds, at least one row, as a block. The result
// is a copy of its own.
func (s *Sealer) Seal(b *Builder) []byte {
	s.collect(b)
	return s.seal(b, s.plans(b))
}

// seal encodes the columns that were collected by their plans.
func (s *Sealer) seal(b *Builder, plans []*plan) []byte {
	s.out = append(s.out[:0], make([]byte, blockHeader)...)
	s.blooms = s.blooms[:0]
	d := &directory{}
	for i := range s.parts {
		s.column(d, &s.parts[i], plans[i])
		runtime.Gosched()
	}
	at := len(s.out)
	s.out = append(s.out, s.blooms...)
	for i := range d.cols {
		if d.cols[i].bloomLen > 0 {
			d.cols[i].bloomOff += at
		}
	}
	dir := len(s.out)
	s.out = d.append(s.out)
	block := append([]byte(nil), s.out...)
	putBlockHeader(block, b.rows, b.minT, b.maxT, dir)
	return block
}

// sealed is a column of the block at hand.
type sealed struct {
	*growing
	col   *Column
	enc   byte        // its encoding if that was chosen already, else 0
	known *dictionary // of its values, nil if there is none
	own   dictionary  // that known may be
}

// candidate tells whether a column could be derived from others.
func (s *Sealer) candidate(b *Builder, p *sealed) bool {
	if b.laid > 0 && p.growing == b.cols[colOriginal] {
		if p.col.n >= minDerived {
			return true
		}
		b.write(p.col, func(byte) bool { return true })
	}
	return derivable(p.col) && s.choose(p) == encText
}

// choose finds the encoding of a column before it is encoded.
func (s *Sealer) choose(p *sealed) byte {
	p.enc = s.enc.choose(p.col, p.known)
	if isDictionary(p.enc) && p.known == nil {
		p.own, s.enc.own = s.enc.own, p.own
		p.known, p.unlike = &p.own, false
	}
	return p.enc
}

// collect finds the columns that have entries, in the order of the directory.
func (s *Sealer) collect(b *Builder) {
	s.parts = s.parts[:0]
	for _, c := range append(b.cols[:len(b.cols):len(b.cols)], b.rest, b.at) {
		if c.n == 0 {
			continue
		}
		n := len(s.parts)
		s.parts = slices.Grow(s.parts, 1)[:n+1]
		s.parts[n] = sealed{growing: c, own: s.parts[n].own} // with the memory of the dictionary before
		s.parts[n].col, s.parts[n].known = c.settled(b.rows)
	}
}

// plans returns how columns are derived from others, by column.
func (s *Sealer) plans(b *Builder) []*plan {
	var names []string
	var cols []*Column
	var candidates []int
	for i := range s.parts {
		p := &s.parts[i]
		name := "" // of what no template refers to
		if p.role == roleField || p.role == roleMember {
			name = p.key.String()
			if s.candidate(b, p) {
				candidates = append(candidates, i)
			}
			runtime.Gosched()
		}
		names, cols = append(names, name), append(cols, p.col)
	}
	s.derive.begin(names, cols, b)
	return s.derive.plans(candidates)
}

func putBlockHeader(block []byte, rows int, minT, maxT int64, dir int) {
	h := append(block[:0], blockMagic...)
	h = binary.LittleEndian.AppendUint32(h, 0)
	h = binary.LittleEndian.AppendUint32(h, uint32(rows))
	h = binary.LittleEndian.AppendUint64(h, uint64(minT))
	h = binary.LittleEndian.AppendUint64(h, uint64(maxT))
	h = binary.LittleEndian.AppendUint64(h, uint64(len(block)))
	h = binary.LittleEndian.AppendUint64(h, uint64(dir))
	h = binary.LittleEndian.AppendUint32(h, uint32(len(block)-dir))
	h = binary.LittleEndian.AppendUint32(h, checksum(block[dir:]))
	binary.LittleEndian.AppendUint32(h, checksum(h))
}

// column encodes one column and describes it.
func (s *Sealer) column(d *directory, g *sealed, p *plan) {
	c := g.col
	e := entry{name: g.key.String(), role: g.role, n: c.n, off: len(s.out), zone: zoneOf(c)}
	var enc encoded
	of := -1
	if p == nil {
		of = s.twinOf(d, c)
	}
	if of >= 0 {
		s.out, enc = s.enc.appendTwin(s.out, c, of)
	} else {
		if g.enc == 0 && p == nil && c.tags == nil {
			s.choose(g)
		}
		s.enc.dict = g.known
		s.out, enc = s.enc.encode(s.out, c, g.enc, p)
	}
	e.enc, e.head, e.len = enc.enc, enc.head, len(enc.chunk)
	e.sum = checksum(enc.chunk[:enc.head])
	e.chars, e.ids = s.charsOf(c, enc.enc, p), s.idRange(g.growing, c, enc.enc)
	switch {
	case e.ids != nil:
	case of >= 0: // it has the filter of the other
		e.bloomOff, e.bloomLen = d.cols[of].bloomOff, d.cols[of].bloomLen
	case filtered(g.growing, c):
		s.hash(c, enc.enc)
		e.bloomOff = len(s.blooms)
		s.blooms = appendBloom(s.blooms, s.hashes)
		e.bloomLen = len(s.blooms) - e.bloomOff
	}
	d.cols = append(d.cols, e)
}

// charsOf returns the characters of the text that a column stores, nil where its
// encoding tells them or has no text.
func (s *Sealer) charsOf(c *Column, enc byte, p *plan) *charset {
	if c.tags != nil || event.Kind(c.tag&tagKind) != event.KindString {
		return nil
	}
	var set charset
	switch enc {
	case encText:
		set = charsetOf(c.data)
	case encConst, encDict, encCommon, encPacked:
		s.token = s.token[:0]
		for _, i := range s.enc.dict.first {
			s.token = append(s.token, textAt(c.nums[i], c.data)...)
		}
		set = charsetOf(s.token)
	case encTemplate:
		s.token = s.token[:0]
		for _, x := range p.stored.nums {
			s.token = append(s.token, textAt(x, p.stored.data)...)
		}
		set = charsetOf(s.token)
	default:
		return nil
	}
	return &set
}

// filtered tells whether a column gets a Bloom filter: text that is asked for
// as a whole, and addresses.
func filtered(g *growing, c *Column) bool {
	if g.role == roleRest || c.tags != nil || g.key.Is(event.EventOriginal) || g.key.Is(event.Message) {
		return false
	}
	switch event.Kind(c.tag & tagKind) {
	case event.KindString:
		return g.text <= maxFiltered*c.n
	case event.KindIP:
		return true
	}
	return false
}

// hash collects the hashes of the values of a column that was just encoded.
func (s *Sealer) hash(c *Column, enc byte) {
	s.hashes = s.hashes[:0]
	if isDictionary(enc) {
		for _, i := range s.enc.dict.first {
			s.hashValue(c, i)
		}
		return
	}
	for i := range c.n {
		s.hashValue(c, i)
	}
}

func (s *Sealer) hashValue(c *Column, i int) {
	if event.Kind(c.tag&tagKind) == event.KindString {
		if text := textAt(c.nums[i], c.data); isToken(text) {
			s.hashes = append(s.hashes, Hash(text))
			return
		}
	}
	s.token = query.AppendToken(s.token[:0], valueOf(c.tag, c.nums[i], c.data))
	s.hashes = append(s.hashes, Hash(s.token))
}
