package store

import (
	"fmt"
	"math"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// A note on a field is worth so many directories of blocks and no more: where
// that does not tell, there is none.
const (
	noteBlocks = 4096 // looked through for the field
	nameBlocks = 64   // whose names are suggested
)

// notes says what may be wrong with a query whose answer is whole.
func (s *Columnar) notes(q *query.Query, matched int64) []string {
	return slices.Concat(s.behind(), q.Hints(), s.unknownFields(q, matched))
}

// unknownFields says which fields of a query no stored event has, whatever its
// time. A name that is usual in events is no mistake as long as something matched.
func (s *Columnar) unknownFields(q *query.Query, matched int64) []string {
	var missing []event.Key
	for _, k := range q.Mentioned() {
		if !event.IsMember(k) && (matched == 0 || !k.Known()) {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	snap, err := s.snapshot(query.All, "", math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil
	}
	defer snap.release()
	if len(snap.blocks) == 0 || snap.damaged > 0 {
		return nil
	}
	snap.newestFirst()
	var notes, names []string
	for _, k := range missing {
		if snap.mayHave(k) {
			continue
		}
		note := "no event has the field " + k.String()
		if names == nil {
			names = snap.names()
		}
		if near := query.Nearest(k.String(), names); near != "" && !k.Known() {
			note += fmt.Sprintf("; did you mean %s?", near)
		}
		notes = append(notes, note)
	}
	return notes
}

// mayHave tells whether a row may have a field, true where it is not known.
func (sn *snapshot) mayHave(k event.Key) bool {
	for i, b := range sn.blocks {
		if _, has, err := b.Zone(k); has || err != nil || i == noteBlocks {
			return true
		}
	}
	return false
}

// names returns the names of the fields of the newest blocks.
func (sn *snapshot) names() []string {
	seen := map[string]bool{}
	names := []string{}
	for _, b := range sn.blocks[:min(len(sn.blocks), nameBlocks)] {
		_ = b.Keys(func(k event.Key) { // a block that cannot be read suggests nothing
			if name := k.String(); !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		})
	}
	return names
}
