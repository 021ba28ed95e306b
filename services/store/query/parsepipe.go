package query

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

var pipeNames = []string{"stats", "where", "sort", "limit", "keep", "dedup", "top", "rare"}

// otherNames are what other query languages call our pipes.
var otherNames = map[string]string{
	"head": "limit", "take": "limit", "tail": "limit", "order": "sort", "filter": "where", "search": "where",
	"drop": "keep", "fields": "keep", "table": "keep", "project": "keep", "select": "keep", "summarize": "stats",
	"aggregate": "stats", "uniq": "dedup", "distinct": "dedup", "count": "stats", "timechart": "stats",
}

const maxLimit = 1_000_000_000

func (p *parser) pipe() (Pipe, error) {
	p.space()
	start := p.pos
	w, err := p.word(nameStops)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(w.text())
	p.space()
	switch name {
	case "stats":
		return p.stats()
	case "where":
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		return &Where{simplify(e)}, nil
	case "sort":
		return p.sort()
	case "limit":
		n, err := p.count()
		return &Limit{n}, err
	case "keep":
		keys, err := p.columnList()
		if err == nil {
			p.columns = keyNames(keys)
		}
		return &Keep{keys}, err
	case "dedup":
		keys, err := p.columnList()
		return &Dedup{keys}, err
	case "top", "rare":
		return p.top(name == "rare")
	case "":
		if p.peek() == '|' {
			return nil, p.fail(start, "write or for ||")
		}
		return nil, p.fail(start, "a pipe needs one of %s", strings.Join(pipeNames, ", "))
	}
	hint := otherNames[name]
	if hint == "" {
		hint = nearest(name, pipeNames)
	}
	if hint != "" {
		return nil, p.fail(start, "%s is not a pipe: did you mean %s?", clip(name), hint)
	}
	return nil, p.fail(start, "%s is not a pipe: use one of %s", clip(name), strings.Join(pipeNames, ", "))
}

// count reads a number of rows.
func (p *parser) count() (int, error) {
	start := p.pos
	n := digits(p.text[p.pos:])
	p.pos += n
	v, err := strconv.Atoi(p.text[start:p.pos])
	if err != nil || v > maxLimit || !p.atDelimiter() {
		return 0, p.fail(start, "a number of rows from 0 to %d is wanted", maxLimit)
	}
	return v, nil
}

// atDelimiter tells whether a word ends here.
func (p *parser) atDelimiter() bool {
	start := p.pos
	spaced := p.space()
	p.pos = start
	return spaced || p.end() || strings.IndexByte("|,)", p.peek()) >= 0
}

// ident reads a name: a bare or quoted word, or, as a column, a call.
func (p *parser) ident() (string, int, error) {
	p.space()
	start := p.pos
	var w word
	var err error
	if p.peek() == '"' {
		w, err = p.quoted()
	} else {
		w, err = p.word(nameStops)
	}
	switch {
	case err != nil:
		return "", start, err
	case w.text() == "" && !w.hasStar():
		return "", start, p.fail(start, "a field name is missing")
	case w.hasStar():
		return "", start, p.fail(start, "a * in a field name is not supported")
	case len(w.text()) > event.MaxName:
		return "", start, p.fail(start, "a field name has at most %d bytes", event.MaxName)
	case !w.escaped && !isName(w.text()):
		return "", start, p.fail(start, "%q is not a field name: quote names with other characters", clip(w.text()))
	}
	return w.text(), start, nil
}

// columnRef reads the name of a field or column. The call of a function names
// the column that it made.
func (p *parser) columnRef() (event.Key, error) {
	name, start, err := p.ident()
	if err != nil {
		return event.Key{}, err
	}
	if p.peek() == '(' {
		if name, err = p.callName(name, start); err != nil {
			return event.Key{}, err
		}
	}
	return p.column(name, start)
}

// column checks a name against the columns there are.
func (p *parser) column(name string, at int) (event.Key, error) {
	if p.columns == nil || slices.Contains(p.columns, name) {
		return event.Intern(name), nil
	}
	if hint := nearest(name, p.columns); hint != "" {
		return event.Key{}, p.fail(at, "there is no column %s here: did you mean %s?", clip(name), clip(hint))
	}
	return event.Key{}, p.fail(at, "there is no column %s here: there are %s", clip(name), clip(strings.Join(p.columns, ", ")))
}

// list calls read for each part of a list with commas.
func (p *parser) list(read func() error) error {
	for n := 1; ; n++ {
		if n > maxList {
			return p.fail(p.pos, "a list has at most %d columns", maxList)
		}
		if err := read(); err != nil {
			return err
		}
		p.space()
		if !p.accept(',') {
			return nil
		}
	}
}

func (p *parser) columnList() ([]event.Key, error) {
	var keys []event.Key
	err := p.list(func() error {
		p.space()
		at := p.pos
		k, err := p.columnRef()
		if err != nil {
			return err
		}
		if slices.ContainsFunc(keys, k.Is) {
			return p.fail(at, "%s is named twice", clip(k.String()))
		}
		keys = append(keys, k)
		return nil
	})
	return keys, err
}

func keyNames(keys []event.Key) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.String()
	}
	return list
}

func (p *parser) sort() (Pipe, error) {
	s := &Sort{}
	return s, p.list(func() error {
		p.space()
		if strings.HasPrefix(p.text[p.pos:], "-") {
			return p.fail(p.pos, "write desc behind the field for the other direction")
		}
		k, err := p.columnRef()
		if err != nil {
			return err
		}
		key := SortKey{Field: k}
		if p.keyword("desc") {
			key.Desc = true
		} else {
			p.keyword("asc")
		}
		s.Keys = append(s.Keys, key)
		return nil
	})
}

func (p *parser) top(rare bool) (Pipe, error) {
	t := &Top{N: 10, Rare: rare}
	if digits(p.text[p.pos:]) > 0 {
		n, err := p.count()
		if err != nil {
			return nil, err
		}
		t.N = n
	}
	p.space()
	start := p.pos
	field, err := p.columnRef()
	if err != nil {
		return nil, err
	}
	t.Field = field
	if p.keyword("by") {
		if t.By, err = p.columnList(); err != nil {
			return nil, err
		}
	}
	columns := append(keyNames(t.By), field.String(), "count")
	for i, name := range columns {
		if slices.Contains(columns[:i], name) {
			return nil, p.fail(start, "column %s would be there twice", clip(name))
		}
	}
	p.columns = columns
	return t, nil
}
