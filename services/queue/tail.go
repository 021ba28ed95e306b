package queue

import "sort"

// tail holds the newest groups in memory, so that readers at the end of the log
// get the very groups that were appended. It is guarded by the mutex of its Disk.
type tail struct {
	max     int64 // bytes
	bytes   int64
	entries []tailEntry
}

type tailEntry struct {
	first, next Offset
	groups      []Group
	bytes       int64 // footprint of groups
}

// What an entry, a group and a record take in memory beside their text. Text
// has memory of its own, which is rounded up.
const (
	entryOverhead  = 64
	groupOverhead  = 128
	recordOverhead = 64 + 2*16
)

// footprint returns about how much memory is kept as long as groups are, if the
// raw bytes of their records are not parts of something larger.
func footprint(groups []Group) int64 {
	bytes := int64(entryOverhead)
	for i := range groups {
		g := &groups[i]
		bytes += groupOverhead + int64(len(g.Source)+len(g.Format)+len(g.Peer)+len(g.Header))
		bytes += int64(cap(g.Records)) * recordOverhead
		for j := range g.Records {
			bytes += int64(len(g.Records[j].ID) + len(g.Records[j].Raw))
		}
	}
	return bytes
}

// push adds what follows the last entry, and drops the oldest over the limit.
func (t *tail) push(e tailEntry) {
	t.entries = append(t.entries, e)
	t.bytes += e.bytes
	drop := 0
	for t.bytes > t.max && drop < len(t.entries) {
		t.bytes -= t.entries[drop].bytes
		t.entries[drop] = tailEntry{} // free the records before the array goes
		drop++
	}
	t.entries = t.entries[drop:]
}

// read returns the batch from pos on, of at least one entry and then up to
// limit bytes. It reports false if pos is older than the tail.
func (t *tail) read(pos Offset, limit int64) (Batch, bool) {
	i := sort.Search(len(t.entries), func(i int) bool { return t.entries[i].next > pos })
	if i == len(t.entries) || t.entries[i].first > pos {
		return Batch{}, false
	}
	b := builder{pos: pos}
	for ; i < len(t.entries) && (b.bytes == 0 || b.bytes+t.entries[i].bytes <= limit); i++ {
		e := &t.entries[i]
		b.add(e.first, e.next, e.groups, e.bytes)
	}
	return b.batch(), true
}

// builder joins the groups of consecutive frames into one batch that starts at pos.
type builder struct {
	pos, next Offset
	groups    []Group
	bytes     int64
}

// add takes the groups of the records first to next-1, which must not start
// after the end of the batch.
func (b *builder) add(first, next Offset, groups []Group, bytes int64) {
	if first < b.pos {
		groups = skip(groups, int(b.pos-first))
	}
	if b.groups == nil {
		b.groups = groups[:len(groups):len(groups)] // shared: the first append copies
	} else {
		b.groups = append(b.groups, groups...)
	}
	b.next = next
	b.bytes += bytes
}

func (b *builder) batch() Batch { return Batch{First: b.pos, Next: b.next, Groups: b.groups} }

// skip returns groups without their first n records, and leaves groups as it is.
func skip(groups []Group, n int) []Group {
	for n >= len(groups[0].Records) {
		n -= len(groups[0].Records)
		groups = groups[1:]
		if len(groups) == 0 {
			return nil
		}
	}
	if n == 0 {
		return groups
	}
	rest := append([]Group(nil), groups...)
	rest[0].Records = rest[0].Records[n:]
	return rest
}
