package tuning

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// set are changes that hold together, for requests whose query is usual if query
// is not nil.
type set struct {
	changes []change
	query   *regexp.Regexp
}

func (s *set) holds(it *item) bool {
	return s.query == nil || s.query.MatchString(queryOf(it.Request.URI))
}

// key names a set.
func (s *set) key() string {
	key := keyOf(s.changes)
	if s.query != nil {
		key += s.query.String()
	}
	return key
}

// queryOf is what QUERY_STRING holds.
func queryOf(uri string) string {
	uri, _, _ = strings.Cut(uri, "#")
	_, query, _ := strings.Cut(uri, "?")
	return query
}

// maxMarks is how many marks a usual query may have beside those of all queries:
// with more it is free text, of which no expression can tell what is usual.
const maxMarks = 12

// usualQuery is an expression for queries that hold no other marks than these
// have: what an attacker adds to one nearly always needs others. It fails where
// they hold free text.
func usualQuery(items []*item) (*regexp.Regexp, bool) {
	marks := []byte("&-.=_")
	for _, it := range items {
		query := queryOf(it.Request.URI)
		for i := range len(query) {
			c := query[i]
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
				continue
			}
			if at, found := slices.BinarySearch(marks, c); !found {
				if len(marks) == maxMarks || c < ' ' || c > '~' {
					return nil, false
				}
				marks = slices.Insert(marks, at, c)
			}
		}
	}
	var b strings.Builder
	b.WriteString("^[A-Za-z0-9")
	for _, c := range marks {
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	b.WriteString("]*$")
	rx, err := regexp.Compile(b.String())
	return rx, err == nil
}
