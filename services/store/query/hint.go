package query

import (
	"net/netip"
	"regexp"
	"strings"
)

var likeSQL = regexp.MustCompile(`(?is)^\s*select\s.*\sfrom\s`)

// Hints says what may be wrong with a query that has an answer: text that another
// language would read otherwise. It is empty for most.
func (q *Query) Hints() []string {
	if likeSQL.MatchString(q.Text) {
		return []string{"this is searched as text, not read as SQL: write a filter and pipes, as in url.path: /admin* | stats n = count() by source.ip"}
	}
	var hints []string
	add := func(hint string) {
		for _, h := range hints {
			if h == hint {
				return
			}
		}
		hints = append(hints, hint)
	}
	Walk(q.Where(), func(m *Match, _ bool) {
		switch op := m.Op.(type) {
		case *Contains:
			if m.FreeText() && (op.Text == "~" || strings.Contains(op.Text, " ~ ")) {
				add("~ is searched as text: write FIELD: /EXPRESSION/ for a regular expression, or FIELD: *text* for a part of a value")
			}
		case *Equal:
			if p, err := netip.ParsePrefix(op.Literal.Text); err == nil && op.Literal.Quoted {
				add(quoteName(m.Field) + ": " + Quote(op.Literal.Text) + " is compared as text: write " + quoteName(m.Field) + ": " + p.String() + " without quotes for the addresses of the network")
			}
		}
	})
	return hints
}
