package query

import "github.com/gatewatch/gatewatch/detection/event"

// Mentioned returns the keys that the text of the query names and that are
// looked up in events, each once: not those of free text, nor of columns that
// the query computes.
func (q *Query) Mentioned() []event.Key {
	keys := named(nil, q.Filter)
	for i, p := range q.Pipes {
		if w, ok := p.(*Where); ok {
			keys = named(keys, w.Expr)
		} else {
			keys = addKeys(keys, pipeFields(p)...)
		}
		if i == q.aggregation() {
			break
		}
	}
	return keys
}

func named(keys []event.Key, e Expr) []event.Key {
	Walk(e, func(m *Match, _ bool) { keys = addKeys(keys, m.Field) })
	return keys
}

// Nearest returns the name that is most like a word, or "" where none is.
func Nearest(word string, names []string) string { return nearest(word, names) }
