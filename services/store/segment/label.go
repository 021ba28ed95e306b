package segment

import (
	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// label is a value that all rows of a block have without its being stored.
type label struct {
	key  event.Key
	text string
	hash uint64 // of its token
}

// Labelled returns the block with one more column, which has the same text in
// every row: what a block is asked for like a field though it is not part of its
// events. [Block.Keys] does not list it.
func (b *Block) Labelled(k event.Key, text string) *Block {
	l := *b
	l.label = &label{k, text, Hash(query.AppendToken(nil, event.String(text)))}
	return &l
}

func (l *label) names(k event.Key) bool { return l != nil && l.key.Is(k) }

// columnOf returns the column of a key, nil unless the label names it.
func (l *label) columnOf(k event.Key, rows int) *Column {
	if !l.names(k) {
		return nil
	}
	return l.column(rows)
}

func (l *label) column(rows int) *Column {
	return &Column{
		rows: rows, n: rows, tag: byte(event.KindString), codes: &codeSet{n: rows},
		nums: []uint64{uint64(len(l.text))}, data: []byte(l.text),
	}
}
