package segment

import (
	"bytes"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of the search for templates in one block.
const (
	sampleEntries = 256     // looked at in a round
	sampleText    = 1 << 18 // bytes of them
	fitEntries    = 24      // by which one template is chosen
	maxSeeds      = 48      // entries that templates are guessed from in a round
	maxValues     = 512     // of a row
	maxSeedText   = 16 << 10
	maxChoices    = 8       // values that may stand at one place
	maxWork       = 1 << 20 // values compared in a block, or the search ends
)

// guess is a template with several possible values at each place.
type guess struct {
	slots []slot
	tail  []byte
}

// slot is a place of a guess. Literal is the text of the seed there.
type slot struct {
	lit     []byte
	literal []byte
	choices []choice
	votes   []int // for the literal, then for each choice
}

// choice is one value that may stand at a place.
type choice struct {
	col, elem int
	form      form
}

// written is a value of the seed's row as it may stand in the text.
type written struct {
	text []byte
	choice
}

// learn adds templates for the entries of column i that have none: all that a
// plan has stored, or those of the column where it is nil. Templates that suit
// no entry of the sample are left out.
func (d *deriver) learn(i int, usable []bool, templates []*template, before *plan) []*template {
	c := d.cols[i].col
	sample := sampleOf(c, before)
	if before == nil {
		templates, sample = d.test(c, templates, sample)
	}
	failed := 0
	for seeds := 0; len(sample) > 1 && seeds < maxSeeds && len(templates) < maxTemplates && failed < 8 && d.work < maxWork; seeds++ {
		k := sample[0]
		t := d.discover(c, k, sample[1:], usable)
		rest := sample[1:]
		if t != nil {
			rest = slices.DeleteFunc(slices.Clone(rest), func(k int) bool {
				return d.renders(t, c.Row(k), textAt(c.nums[k], c.data))
			})
		}
		if t == nil || len(rest) == len(sample)-1 {
			sample = sample[1:]
			failed++
			continue
		}
		failed = 0
		templates, sample = append(templates, t), rest
	}
	return templates
}

// sampleOf returns entries of a column from all over it.
func sampleOf(c *Column, before *plan) []int {
	var from []int
	n := c.n
	if before != nil {
		for k, code := range before.codes {
			if code == 0 {
				from = append(from, k)
			}
		}
		n = len(from)
	}
	var out []int
	size := 0
	step := max(1, n/sampleEntries)
	for k := 0; k < n && size < sampleText; k += step {
		at := k
		if before != nil {
			at = from[k]
		}
		out = append(out, at)
		size += int(c.nums[at] & (1<<32 - 1))
	}
	return out
}

// test returns the templates that suit an entry of the sample, the most useful
// first, and the entries that none suits.
func (d *deriver) test(c *Column, templates []*template, sample []int) ([]*template, []int) {
	if len(templates) == 0 {
		return nil, sample
	}
	hits := make([]int, len(templates))
	var rest []int
	recent := 0
	for _, k := range sample {
		if t := d.find(templates, &recent, c.Row(k), textAt(c.nums[k], c.data)); t >= 0 {
			hits[t]++
		} else {
			rest = append(rest, k)
		}
	}
	order := make([]int, len(templates))
	for t := range order {
		order[t] = t
	}
	slices.SortStableFunc(order, func(a, b int) int { return hits[b] - hits[a] })
	var kept []*template
	for _, t := range order {
		if hits[t] > 0 {
			kept = append(kept, templates[t])
		}
	}
	return kept, rest
}

// discover makes a template from the text of entry k and votes of others, nil
// where no other text is like it.
func (d *deriver) discover(c *Column, k int, others []int, usable []bool) *template {
	text := textAt(c.nums[k], c.data)
	if len(text) > maxSeedText {
		return nil
	}
	g := d.guess(text, c.Row(k), usable)
	if g == nil {
		return nil
	}
	fitted := 0
	step := max(1, len(others)/fitEntries)
	for j := 0; j < len(others) && fitted < fitEntries; j += step {
		if d.fit(g, c.Row(others[j]), textAt(c.nums[others[j]], c.data)) {
			fitted++
		}
	}
	if fitted == 0 {
		return nil
	}
	return g.choose()
}

// guess cuts a text into literals and values of its row.
func (d *deriver) guess(text []byte, row int, usable []bool) *guess {
	values := d.valuesOf(row, usable)
	var byFirst [256][]int
	for i := range values {
		first := values[i].text[0]
		byFirst[first] = append(byFirst[first], i)
	}
	times := d.timesOf(row, usable)
	g := &guess{}
	from := 0
	for at := 0; at < len(text); {
		if at > 0 && isWord(text[at-1]) && isWord(text[at]) {
			at++
			continue
		}
		n, choices := longest(text, at, values, byFirst[text[at]])
		d.work += 1 + len(byFirst[text[at]])
		if m, more := d.timeAt(text, at, times, row); m > n {
			n, choices = m, more
		}
		if n == 0 {
			at++
			continue
		}
		g.slots = append(g.slots, slot{lit: text[from:at], literal: text[at : at+n], choices: choices, votes: make([]int, 1+len(choices))})
		at += n
		from = at
		if len(g.slots) == maxParts || d.work > maxWork {
			break
		}
	}
	if len(g.slots) == 0 {
		return nil
	}
	g.tail = text[from:]
	return g
}

// isWord tells whether a byte may belong to a word that must not be cut.
func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// longest returns the values that a text has at a place, of those the longest,
// and their length.
func longest(text []byte, at int, values []written, among []int) (n int, choices []choice) {
	rest := text[at:]
	for _, i := range among {
		v := &values[i]
		if len(v.text) < n || !bytes.HasPrefix(rest, v.text) {
			continue
		}
		if len(v.text) < len(rest) && isWord(rest[len(v.text)-1]) && isWord(rest[len(v.text)]) {
			continue
		}
		if len(v.text) > n {
			n, choices = len(v.text), nil
		}
		if len(choices) < maxChoices {
			choices = append(choices, v.choice)
		}
	}
	return n, choices
}

// valuesOf writes the values of a row in all their forms but times.
func (d *deriver) valuesOf(row int, usable []bool) []written {
	var all []written
	d.work += len(d.cols)
	for j, s := range d.cols {
		if !usable[j] {
			continue
		}
		kind := event.Kind(s.col.tag & tagKind)
		for elem := 0; elem <= maxElement; elem++ {
			at, ok := s.entry(row, elem)
			if !ok || len(all) >= maxValues {
				break
			}
			v := valueOf(s.col.tag, s.col.nums[at], s.col.data)
			var usual []byte
			for i, k := range formsOf(kind) {
				f := form{kind: k}
				if kind == event.KindString && i > 0 && len(v.Text()) > maxSeedText {
					break
				}
				text := f.append(nil, v)
				if len(text) == 0 || i > 0 && bytes.Equal(text, usual) {
					continue
				}
				if i == 0 {
					usual = text
				}
				all = append(all, written{text, choice{j, elem, f}})
			}
		}
	}
	return all
}

// timesOf returns the columns of times.
func (d *deriver) timesOf(row int, usable []bool) []int {
	var all []int
	for j, s := range d.cols {
		if usable[j] && event.Kind(s.col.tag&tagKind) == event.KindTime {
			if _, ok := s.entry(row, 0); ok {
				all = append(all, j)
			}
		}
	}
	return all
}

// timeAt returns the times that a text has at a place, and their length.
func (d *deriver) timeAt(text []byte, at int, times []int, row int) (n int, choices []choice) {
	if len(times) == 0 || !isWord(text[at]) {
		return 0, nil
	}
	for _, j := range times {
		e, _ := d.cols[j].entry(row, 0)
		f, m := findTime(text[at:], int64(d.cols[j].col.nums[e]))
		if m > n {
			n, choices = m, nil
		}
		if m > 0 && m == n {
			choices = append(choices, choice{j, 0, form{formTime, f}})
		}
	}
	return n, choices
}

// fit reads another text with the guess and votes for the values that suit it.
// It reports false, and votes for nothing, where none suits at some place.
func (d *deriver) fit(g *guess, row int, text []byte) bool {
	d.work += len(g.slots) * (1 + maxChoices)
	ends := make([]int, 0, 64) // of each choice, and before them of the literal; -1 if it is none
	for i := range g.slots {
		s := &g.slots[i]
		if !bytes.HasPrefix(text, s.lit) {
			return false
		}
		text = text[len(s.lit):]
		next := g.tail
		last := i+1 == len(g.slots)
		if !last {
			next = g.slots[i+1].lit
		}
		suits := func(n int) bool {
			return n >= 0 && (!last && bytes.HasPrefix(text[n:], next) || last && bytes.Equal(text[n:], next))
		}
		best := -1
		lit := -1
		if bytes.HasPrefix(text, s.literal) && suits(len(s.literal)) {
			lit = len(s.literal)
			best = lit
		}
		ends = append(ends, lit)
		for _, x := range s.choices {
			n := d.begins(text, &part{ref: x.col, elem: x.elem, form: x.form}, row)
			if !suits(n) {
				n = -1
			}
			best = max(best, n)
			ends = append(ends, n)
		}
		if best < 0 {
			return false
		}
		for k := len(ends) - len(s.votes); k < len(ends); k++ {
			if ends[k] != best {
				ends[k] = -1
			}
		}
		text = text[best:]
	}
	at := 0
	for i := range g.slots {
		for k := range g.slots[i].votes {
			if ends[at] >= 0 {
				g.slots[i].votes[k]++
			}
			at++
		}
	}
	return true
}

// choose makes the template of the values with the most votes.
func (g *guess) choose() *template {
	t := &template{}
	var lit []byte
	for i := range g.slots {
		s := &g.slots[i]
		lit = append(lit, s.lit...)
		best := 0
		for k := 1; k < len(s.votes); k++ {
			if s.votes[k] > s.votes[best] || best == 0 && s.votes[k] == s.votes[0] {
				best = k
			}
		}
		if best == 0 {
			lit = append(lit, s.literal...)
			continue
		}
		x := s.choices[best-1]
		t.parts = append(t.parts, part{lit: lit, ref: x.col, elem: x.elem, form: x.form})
		lit = nil
	}
	t.tail = append(lit, g.tail...)
	return t
}
