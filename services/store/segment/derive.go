package segment

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// What is worth deriving.
const (
	minDerived     = 16  // entries
	minDerivedText = 24  // bytes of an entry on average
	maxHints       = 32  // templates remembered of a column, columns remembered
	maxMissed      = 256 // entries that no template renders: no others are tried as long as these are more than those found
	patience       = 15  // blocks in which a column that did not lend itself is left alone
)

// deriver finds the columns of blocks that render from others. It remembers
// templates from block to block. All of its work in a block is bounded.
type deriver struct {
	hints map[string]*hints
	cols  []*source
	text  []byte
	from  *Builder // of the block at hand
	work  int      // done in this block to find templates, see maxWork
}

// hints is what earlier blocks told about a column.
type hints struct {
	templates []named
	skip      int // blocks
}

// named is a template with the names of its columns.
type named struct {
	template *template
	names    []string
}

// source is a column of the block at hand.
type source struct {
	name  string
	col   *Column
	level int // 0: not derived
	index int // in the directory
	refCursor
}

// plan says how a column is derived.
type plan struct {
	templates []*template
	refs      []int  // columns in the directory
	codes     []byte // template + 1 of each entry, 0 for what is stored
	stored    Column // entries without a template, in order
}

// begin prepares for the columns of a block, in the order of their directory,
// which are those of a builder.
func (d *deriver) begin(names []string, cols []*Column, b *Builder) {
	d.from = b
	if d.hints == nil {
		d.hints = map[string]*hints{}
	}
	d.cols, d.work = d.cols[:0], 0
	for i, c := range cols {
		d.cols = append(d.cols, &source{name: names[i], col: c, index: i, refCursor: refCursor{col: c}})
	}
}

// plans returns how columns are derived, by column; nil for those that are not.
// Candidates are the columns that could be.
func (d *deriver) plans(candidates []int) []*plan {
	all := make([]*plan, len(d.cols))
	size := func(i int) int {
		if d.isLine(i) { // it may refer to all
			return math.MaxInt
		}
		return len(d.cols[i].col.data)
	}
	slices.SortFunc(candidates, func(a, b int) int { return cmp.Compare(size(a), size(b)) })
	for k, i := range candidates {
		// A text refers to shorter ones only, so there are no cycles.
		if p := d.plan(i, candidates[k+1:]); p != nil {
			all[i] = p
			for _, r := range p.refs {
				d.cols[i].level = max(d.cols[i].level, d.cols[r].level+1)
			}
		}
	}
	return all
}

// plan derives column i from any but the excluded ones, nil where it does not
// lend itself.
func (d *deriver) plan(i int, excluded []int) *plan {
	name := d.cols[i].name
	h := d.hints[name]
	if h == nil {
		if len(d.hints) >= maxHints {
			clear(d.hints) // columns come and go
		}
		h = &hints{}
		d.hints[name] = h
	}
	usable := d.usable(i, excluded)
	p := d.known(i, usable)
	if h.skip > 0 && p == nil {
		h.skip--
		return nil
	}
	if p == nil || p.stored.n > d.cols[i].col.n/256 {
		p = d.search(i, usable, h, p)
	}
	if p == nil || p.stored.n > p.rest(d.cols[i].col.n) {
		h.skip, h.templates = patience, nil
		if d.isLine(i) {
			d.write(i, [maxLayouts + 1]byte{})
		}
		return nil
	}
	p.drop()
	h.templates = d.name(p)
	d.refer(p)
	return p
}

// search looks for templates of the entries of column i that the plan p, which
// may be nil, has none for.
func (d *deriver) search(i int, usable []bool, h *hints, p *plan) *plan {
	templates := d.resolve(h.templates, usable)
	var known *plan
	if p != nil {
		known = p
		templates = slices.Concat(p.templates, templates)
		templates = templates[:min(len(templates), maxTemplates)]
	}
	for round := range 3 {
		templates = d.learn(i, usable, templates, p)
		if len(templates) == 0 {
			break
		}
		next := d.apply(i, templates, known)
		done := p != nil && p != known && next.stored.n >= p.stored.n || next.stored.n <= d.cols[i].col.n/256
		if p = next; done || round == 2 {
			break
		}
	}
	return p
}

// rest is how many of n entries may be stored in a column that is derived.
func (p *plan) rest(n int) int { return n - n/4 }

// usable returns the columns that a template of column i may refer to.
func (d *deriver) usable(i int, excluded []int) []bool {
	ok := make([]bool, len(d.cols))
	for j, s := range d.cols {
		ok[j] = j != i && s.col.tags == nil && s.level < maxLevel-1 && s.name != ""
	}
	for _, j := range excluded {
		ok[j] = false
	}
	return ok
}

// apply tries the templates on the entries that are not known already, until it is
// plain that most have none. The references of the plan are still numbers of columns.
func (d *deriver) apply(i int, templates []*template, known *plan) *plan {
	c := d.cols[i].col
	p := &plan{templates: templates, codes: make([]byte, c.n), stored: Column{rows: c.rows, tag: c.tag, data: c.data}}
	recent, found := 0, 0
	for k := range c.n {
		if known != nil && known.codes[k] != 0 {
			p.codes[k] = known.codes[k]
			continue
		}
		t := -1
		if missed := len(p.stored.nums); missed < maxMissed || missed <= found {
			t = d.find(templates, &recent, c.Row(k), textAt(c.nums[k], c.data))
		}
		if t < 0 {
			p.stored.nums = append(p.stored.nums, c.nums[k])
		} else {
			found++
		}
		p.codes[k] = byte(t + 1)
	}
	p.stored.n = len(p.stored.nums)
	return p
}

// find returns the template that renders to a text, -1 if none does. It tries
// the recent one first.
func (d *deriver) find(templates []*template, recent *int, row int, text []byte) int {
	if d.renders(templates[*recent], row, text) {
		return *recent
	}
	for t := range templates {
		if t != *recent && d.renders(templates[t], row, text) {
			*recent = t
			return t
		}
	}
	return -1
}

// renders tells whether a template renders a row to exactly a text. The
// references of the template are numbers of columns.
func (d *deriver) renders(t *template, row int, text []byte) bool {
	if !bytes.HasSuffix(text, t.tail) { // most others end in another way
		return false
	}
	for i := range t.parts {
		p := &t.parts[i]
		if len(text) < len(p.lit) || string(text[:len(p.lit)]) != string(p.lit) {
			return false
		}
		text = text[len(p.lit):]
		n := d.begins(text, p, row)
		if n < 0 {
			return false
		}
		text = text[n:]
	}
	return bytes.Equal(text, t.tail)
}

// begins returns the length of a value if a text begins with it, else -1.
func (d *deriver) begins(text []byte, p *part, row int) int {
	s := d.cols[p.ref]
	at, ok := s.entry(row, p.elem)
	if !ok {
		return -1
	}
	num := s.col.nums[at]
	switch p.form.kind {
	case formText:
		v := textAt(num, s.col.data)
		if len(v) > len(text) || string(text[:len(v)]) != string(v) {
			return -1
		}
		return len(v)
	case formJSON, formJSONHTML, formHex:
		return beginsEscaped(text, p.form.kind, event.View(textAt(num, s.col.data)))
	case formTime:
		d.text = p.form.time.append(d.text[:0], int64(num))
	default:
		d.text = p.form.append(d.text[:0], valueOf(s.col.tag, num, s.col.data))
	}
	if len(d.text) > len(text) || string(text[:len(d.text)]) != string(d.text) {
		return -1
	}
	return len(d.text)
}

// drop removes the templates that no entry uses.
func (p *plan) drop() {
	var used [maxTemplates + 1]byte
	for _, c := range p.codes {
		used[c] = 1
	}
	kept := p.templates[:0:0]
	for i, t := range p.templates {
		if used[i+1] != 0 {
			kept = append(kept, t)
			used[i+1] = byte(len(kept))
		}
	}
	used[0] = 0
	for i, c := range p.codes {
		p.codes[i] = used[c]
	}
	p.templates = kept
}

// refer gives the plan templates of its own whose references are numbered.
func (d *deriver) refer(p *plan) {
	number := map[int]int{}
	for i, t := range p.templates {
		t = &template{parts: slices.Clone(t.parts), tail: t.tail}
		for k := range t.parts {
			r := t.parts[k].ref
			n, ok := number[r]
			if !ok {
				n = len(p.refs)
				number[r] = n
				p.refs = append(p.refs, d.cols[r].index)
			}
			t.parts[k].ref = n
		}
		p.templates[i] = t
	}
}

// name gives templates the names of their columns, for later blocks.
func (d *deriver) name(p *plan) []named {
	var all []named
	for _, t := range p.templates[:min(len(p.templates), maxHints)] {
		n := named{template: t}
		for k := range t.parts {
			n.names = append(n.names, d.cols[t.parts[k].ref].name)
		}
		all = append(all, n)
	}
	return all
}

// resolve turns templates of earlier blocks to the columns of this one.
func (d *deriver) resolve(all []named, usable []bool) []*template {
	if len(all) == 0 {
		return nil
	}
	index := make(map[string]int, len(d.cols))
	for j, s := range d.cols {
		if usable[j] {
			index[s.name] = j
		}
	}
	var out []*template
next:
	for _, n := range all {
		t := &template{parts: slices.Clone(n.template.parts), tail: n.template.tail}
		for k := range t.parts {
			p := &t.parts[k]
			j, ok := index[n.names[k]]
			if !ok || !p.form.fits(event.Kind(d.cols[j].col.tag&tagKind)) {
				continue next
			}
			p.ref = j
		}
		out = append(out, t)
	}
	return out
}
