package ingest

import (
	"slices"

	"github.com/gatewatch/gatewatch/services/queue"
)

// compact makes sure that whoever keeps the groups keeps at most about twice the
// memory of their records: the queue's tail, its readers and the heads of the
// store count records and not what these are parts of. pinned is the size of
// the buffer that the raw bytes of all records lie in, 0 if each has memory of
// its own. The groups belong to the caller; raw bytes that lie in too large a
// buffer are copied into one of their size.
func compact(groups []queue.Group, pinned int) {
	size := 0
	for i := range groups {
		g := &groups[i]
		if cap(g.Records) > 2*len(g.Records) {
			g.Records = slices.Clone(g.Records)
		}
		for j := range g.Records {
			size += len(g.Records[j].Raw)
		}
	}
	if size >= pinned/2 {
		return
	}
	data := make([]byte, 0, size)
	for i := range groups {
		for j := range groups[i].Records {
			r := &groups[i].Records[j]
			start := len(data)
			data = append(data, r.Raw...)
			r.Raw = data[start:len(data):len(data)]
		}
	}
}
