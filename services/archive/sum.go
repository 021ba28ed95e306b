package archive

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/gatewatch/gatewatch/detection/event"
)

// sum is a checksum of events in their order: the same for an event that was
// written and for the one that is read back.
type sum struct {
	total uint64
	buf   []byte
}

func (s *sum) add(e *event.Event) {
	b := binary.LittleEndian.AppendUint64(s.buf[:0], uint64(e.Time))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Received))
	for _, text := range []string{e.ID, e.Source, e.Dataset} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	row := xxhash.Sum64(b) ^ xxhash.Sum64(e.Raw)*3
	for _, f := range e.Fields() { // in any order: archives order them by column
		if f.Value.Kind() == event.KindNone {
			continue
		}
		b = append(append(b[:0], f.Key.String()...), 0, byte(f.Value.Kind()))
		row += xxhash.Sum64(f.Value.AppendText(b))
	}
	s.buf = b
	s.total = s.total*31 + row
}
