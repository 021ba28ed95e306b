package archive

import "fmt"

// asked tells whether an archive is of a range of time that was asked for, and not
// of a segment, of which there is one for ever.
func (m *Manifest) asked() bool { return m.From != "" || m.To != "" }

// overlaps tells whether two archives may hold the same events, in from <= t < to.
func (m *Manifest) overlaps(o *Manifest, from, to int64) bool {
	lo := max(m.First.UnixNano(), o.First.UnixNano(), from)
	hi := min(m.Last.UnixNano(), o.Last.UnixNano())
	return m.Stream == o.Stream && (m.asked() || o.asked()) && lo <= hi && lo < to
}

// overlapNote warns of archives that may hold the same events of from <= t < to,
// nil if there are none. Segments that overlap in time hold none twice.
func (r *Reader) overlapNote(from, to int64) []string {
	pairs := 0
	var such string
	for i, m := range r.archives {
		for j, o := range r.archives {
			// A pair is met once if both were asked for, else from the side that was.
			if i == j || !m.asked() || o.asked() && j < i || !m.overlaps(o, from, to) {
				continue
			}
			if pairs++; pairs == 1 {
				such = fmt.Sprintf("%s and %s", m.Name, o.Name)
			}
		}
	}
	if pairs == 0 {
		return nil
	}
	if pairs > 1 {
		such += fmt.Sprintf(", and of %d more,", pairs-1)
	}
	return []string{"archives overlap in time: events that are in both of " + such + " count twice"}
}
