package segment

import (
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// isLine tells whether column i holds the raw lines of which the builder knows
// layouts.
func (d *deriver) isLine(i int) bool {
	return d.cols[i].name == event.EventOriginal.String() && len(d.from.lines) == d.cols[i].col.n
}

// known makes the plan of the layouts that the builder knows, nil where it knows
// none. The references of the plan are still numbers of columns. Entries that it
// has no template for have their text afterwards.
func (d *deriver) known(i int, usable []bool) *plan {
	if !d.isLine(i) {
		return nil
	}
	templates, of := d.ofLayouts(usable)
	d.write(i, of)
	if len(templates) == 0 {
		return nil
	}
	c := d.cols[i].col
	p := &plan{templates: templates, codes: make([]byte, c.n), stored: Column{rows: c.rows, tag: c.tag, data: c.data}}
	for k, line := range d.from.lines {
		if p.codes[k] = of[line]; p.codes[k] == 0 {
			p.stored.nums = append(p.stored.nums, c.nums[k])
		}
	}
	p.stored.n = len(p.stored.nums)
	return p
}

// ofLayouts returns the templates of the layouts of enough lines, and for each
// layout the number of its template, from 1 on.
func (d *deriver) ofLayouts(usable []bool) (templates []*template, of [maxLayouts + 1]byte) {
	var uses [maxLayouts + 1]int
	for _, line := range d.from.lines {
		uses[line]++
	}
	columns := map[event.Key]int{}
	for j, s := range d.cols {
		if usable[j] {
			columns[event.Intern(s.name)] = j
		}
	}
	for _, e := range d.from.layouts.ends {
		if uses[e.code] < fewLines {
			continue
		}
		t := e.template(func(k event.Key) int {
			if j, ok := columns[k]; ok {
				return j
			}
			return -1
		}, func(col int, f *form) bool { return f.fits(event.Kind(d.cols[col].col.tag & tagKind)) })
		if t != nil {
			templates = append(templates, t)
			of[e.code] = byte(len(templates))
		}
	}
	return templates, of
}

// write gives the raw lines, column i, their text where the builder left it out and
// no template has their layout.
func (d *deriver) write(i int, of [maxLayouts + 1]byte) {
	missing := func(line byte) bool { return line != 0 && of[line] == 0 }
	if d.from.laid > 0 && slices.ContainsFunc(d.from.lines, missing) {
		d.from.write(d.cols[i].col, missing)
	}
}
