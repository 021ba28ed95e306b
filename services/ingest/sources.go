package ingest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
)

// Reason says why records were not taken. The set of reasons is closed, so that
// they can be the label of a metric.
type Reason string

// Why records were not taken.
const (
	ReasonFull      Reason = "queue_full"
	ReasonTooLarge  Reason = "too_large"
	ReasonStorage   Reason = "storage"
	ReasonClosed    Reason = "shutting_down"
	ReasonBusy      Reason = "busy"
	ReasonMalformed Reason = "malformed"
	ReasonUnknown   Reason = "unknown_format"
	ReasonName      Reason = "bad_name"
	ReasonOperation Reason = "unsupported_operation"
	ReasonSequence  Reason = "bad_sequence"
	ReasonAuth      Reason = "unauthorized"
	ReasonEncoding  Reason = "bad_encoding"
	ReasonType      Reason = "bad_content_type"
	ReasonOverload  Reason = "overload" // datagrams that came faster than they could be stored
)

// reasonOf names what the queue, or the wait for it, answered.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, queue.ErrFull):
		return ReasonFull
	case errors.Is(err, queue.ErrTooLarge):
		return ReasonTooLarge
	case errors.Is(err, queue.ErrClosed):
		return ReasonClosed
	case errors.Is(err, ErrBusy):
		return ReasonBusy
	case errors.Is(err, ErrSequence):
		return ReasonSequence
	}
	return ReasonStorage
}

// other is the source that counts for all beyond Config.MaxSources.
const other = "other"

// maxFormats bounds the formats that are listed of a source.
const maxFormats = 16

// SourceCount is what the inputs took of a source since the server started.
type SourceCount struct {
	Name       string
	Received   uint64 // records made durable
	Bytes      uint64 // of those
	Duplicates uint64 // records that had been sent before
	Conflicts  uint64 // records with the id of another one
	Missing    uint64 // records that a node says it lost before sending
	Cut        uint64 // records that were cut to the largest size
	CutBytes   uint64 // what was cut off them
	Refused    map[Reason]uint64
	Last       time.Time // of the last durable record
	Formats    []string  // the first few, sorted
}

// sources counts by source, within bounds.
type sources struct {
	max int

	mu     sync.RWMutex
	byName map[string]*sourceStats
}

type sourceStats struct {
	name                   string
	received, bytes        atomic.Uint64
	duplicates, conflicts  atomic.Uint64
	missing, cut, cutBytes atomic.Uint64
	last                   atomic.Int64

	mu      sync.Mutex
	refused map[Reason]uint64
	formats []string
}

func newSources(limit int) *sources {
	return &sources{max: limit, byName: map[string]*sourceStats{}}
}

// of returns the counters of a source, those of "other" if there are too many.
func (s *sources) of(name string) *sourceStats {
	s.mu.RLock()
	st := s.byName[name]
	s.mu.RUnlock()
	if st != nil {
		return st
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName[name] == nil && len(s.byName) >= s.max {
		name = other
	}
	if st = s.byName[name]; st == nil {
		name = strings.ToValidUTF8(strings.Clone(name), "?")
		st = &sourceStats{name: name, refused: map[Reason]uint64{}}
		s.byName[name] = st
	}
	return st
}

func (s *sources) all() []SourceCount {
	s.mu.RLock()
	list := make([]*sourceStats, 0, len(s.byName))
	for _, st := range s.byName {
		list = append(list, st)
	}
	s.mu.RUnlock()
	slices.SortFunc(list, func(a, b *sourceStats) int { return strings.Compare(a.name, b.name) })
	counts := make([]SourceCount, len(list))
	for i, st := range list {
		counts[i] = st.count()
	}
	return counts
}

// receive counts a group that is durable.
func (st *sourceStats) receive(g *queue.Group) {
	if len(g.Records) == 0 {
		return
	}
	n := 0
	for i := range g.Records {
		n += len(g.Records[i].Raw)
	}
	st.received.Add(uint64(len(g.Records)))
	st.bytes.Add(uint64(n))
	st.last.Store(g.Records[len(g.Records)-1].Received)
	st.mu.Lock()
	defer st.mu.Unlock()
	format := g.Format
	if format == parse.NodeFormat {
		format = decisions
	}
	if i, found := slices.BinarySearch(st.formats, format); !found && len(st.formats) < maxFormats {
		st.formats = slices.Insert(st.formats, i, strings.Clone(format))
	}
}

func (st *sourceStats) refuse(reason Reason, n int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.refused[reason] += uint64(n)
}

func (st *sourceStats) count() SourceCount {
	c := SourceCount{
		Name: st.name, Received: st.received.Load(), Bytes: st.bytes.Load(),
		Duplicates: st.duplicates.Load(), Conflicts: st.conflicts.Load(),
		Missing: st.missing.Load(), Cut: st.cut.Load(), CutBytes: st.cutBytes.Load(),
		Refused: map[Reason]uint64{},
	}
	if last := st.last.Load(); last != 0 {
		c.Last = time.Unix(0, last)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for r, n := range st.refused {
		c.Refused[r] = n
	}
	c.Formats = slices.Clone(st.formats)
	return c
}
