package store

import (
	"cmp"
	"context"
	"errors"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Bounds of a list of fields.
const (
	fieldRows  = 1 << 19 // events that are looked at, about; more are sampled
	fieldNames = 20_000  // different fields that are told apart
)

// FieldsRequest asks what fields events have. The query may only filter.
type FieldsRequest struct {
	Query      *query.Query
	From, To   time.Time // From <= @timestamp < To; a zero time is no bound
	Prefix     string    // names that begin with it, in any case; "" for all
	Top        int       // values of each field
	Skip, Size int       // page of the fields; a Size of 0 has no bound
}

// FieldList is what fields events have.
type FieldList struct {
	Fields   []FieldStats // those of the page: in most events first, then by name
	Total    int          // fields on all pages
	Matched  int64        // events that match
	Events   int64        // events among them that were looked at
	Sampled  bool         // these are not all: whole blocks, evenly spread over the time range
	Stats    Stats
	tooMany  bool
	examined []sampled
}

// FieldStats says what values the events that were looked at have of a field.
type FieldStats struct {
	Name          string
	Kinds         []event.Kind // of its values, in rising order
	Events        int64        // that have it
	Values        int64        // of all of them: a list has several
	Distinct      int64
	DistinctExact bool // else within 2 %
	Top           []query.Tallied
	// Short is by how much the counts of Top are too low at most; values that
	// occur less often than that may be missing there.
	Short int64
}

// errOnlyFilter means that a query does more than to filter.
var errOnlyFilter = errors.New("fields: the query has a pipe other than where")

// Fields says which fields the events of a query have, in how many of them, and
// with which values. About 500,000 events are looked at; of more, evenly spread
// blocks. It takes about 40 MiB at most. A list cut short by the time limit or by
// damaged blocks is no error: Stats says so.
func (s *Columnar) Fields(ctx context.Context, r FieldsRequest) (*FieldList, error) {
	for _, p := range r.Query.Pipes {
		if _, ok := p.(*query.Where); !ok {
			return nil, errOnlyFilter
		}
	}
	ctx, sc, err := s.begin(ctx, r.Query, "", r.From, r.To)
	if err != nil {
		return nil, err
	}
	l := &FieldList{}
	err = sc.settle(ctx, l.list(ctx, sc, &r))
	if err == nil {
		sc.stats.Notes = s.notes(r.Query, sc.stats.RowsMatched)
	}
	if l.tooMany {
		sc.stats.Partial = append(sc.stats.Partial, "there are more fields than can be told apart; ask for those with a prefix")
	}
	l.examined = nil
	l.Stats = sc.end("fields")
	return l, err
}

// sampled is a block with the rows of it that are looked at.
type sampled struct {
	block blockRef
	rows  bitmap
}

func (l *FieldList) list(ctx context.Context, sc *scan, r *FieldsRequest) error {
	if err := l.sample(ctx, sc); err != nil {
		return err
	}
	fields, err := l.cover(ctx, sc, r.Prefix)
	if err != nil {
		return err
	}
	l.Total = len(fields)
	skip := min(max(r.Skip, 0), len(fields))
	fields = fields[skip:]
	if r.Size > 0 {
		fields = fields[:min(r.Size, len(fields))]
	}
	l.Fields = fields
	return l.values(ctx, sc, r.Top)
}

// sample finds the matching rows and picks the blocks to look at.
func (l *FieldList) sample(ctx context.Context, sc *scan) error {
	sc.snap.newestFirst()
	blocks := sc.snap.blocks
	for i, f := range sc.findAll(ctx, blocks, sc.from, sc.to) {
		sc.count(blocks[i], &f)
		if f.err != nil && ctx.Err() != nil {
			return f.err
		}
		if f.err != nil {
			if err := sc.damagedBlock(blocks[i], f.err); err != nil {
				return err
			}
			continue
		}
		if f.rows != nil {
			l.Matched += int64(f.rows.count())
			l.examined = append(l.examined, sampled{blocks[i], f.rows})
		}
	}
	sc.stats.RowsMatched = l.Matched
	if l.Matched > fieldRows {
		l.Sampled = true
		all, keep := l.examined, max(1, int(int64(len(l.examined))*fieldRows/l.Matched))
		l.examined = nil
		for i := range keep {
			l.examined = append(l.examined, all[i*len(all)/keep])
		}
	}
	for _, b := range l.examined {
		l.Events += int64(b.rows.count())
	}
	return nil
}

// coverage is what one block says of a field.
type coverage struct {
	events int64
	kinds  uint16 // a bit for each event.Kind
}

// cover counts the events that have each field.
func (l *FieldList) cover(ctx context.Context, sc *scan, prefix string) ([]FieldStats, error) {
	found := make([]map[string]coverage, len(l.examined))
	errs := make([]error, len(l.examined))
	parallel(len(l.examined), func(i int) {
		if errs[i] = ctx.Err(); errs[i] == nil {
			found[i], errs[i] = l.examined[i].cover(prefix)
		}
	})
	all := map[string]coverage{}
	kept := l.examined[:0]
	for i, b := range l.examined {
		if err := errs[i]; err != nil {
			if err := sc.damagedBlock(b.block, err); err != nil {
				return nil, err
			}
			l.Events -= int64(b.rows.count())
			continue
		}
		kept = append(kept, b)
		for name, c := range found[i] {
			sum, known := all[name]
			if !known && len(all) == fieldNames {
				l.tooMany = true
				continue
			}
			all[name] = coverage{sum.events + c.events, sum.kinds | c.kinds}
		}
	}
	l.examined = kept
	fields := make([]FieldStats, 0, len(all))
	for name, c := range all {
		f := FieldStats{Name: name, Events: c.events}
		for k := c.kinds; k != 0; k &= k - 1 {
			f.Kinds = append(f.Kinds, event.Kind(bits.TrailingZeros16(k)))
		}
		fields = append(fields, f)
	}
	slices.SortFunc(fields, func(a, b FieldStats) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), strings.Compare(a.Name, b.Name))
	})
	return fields, nil
}

// cover says which fields the rows have.
func (b *sampled) cover(prefix string) (map[string]coverage, error) {
	out := map[string]coverage{}
	if hasPrefix(event.GatewatchStream.String(), prefix) {
		out[event.GatewatchStream.String()] = coverage{int64(b.rows.count()), 1 << event.KindString}
	}
	var keys []event.Key
	if err := b.block.Keys(func(k event.Key) {
		if hasPrefix(k.String(), prefix) {
			keys = append(keys, k)
		}
	}); err != nil {
		return nil, err
	}
	for _, k := range keys {
		c, err := b.block.Column(k)
		if err != nil {
			return nil, err
		}
		if c != nil && !k.Is(event.GatewatchStream) {
			if x := coverOf(c, b.rows); x.events > 0 {
				out[k.String()] = x
			}
		}
	}
	err := b.eachRest(func(name string, v event.Value, first bool) {
		x, known := out[name]
		if !hasPrefix(name, prefix) || !known && len(out) >= fieldNames {
			return
		}
		if first {
			x.events++
		}
		x.kinds |= 1 << v.Kind()
		if !known {
			name = strings.Clone(name) // it points into the block
		}
		out[name] = x
	})
	return out, err
}

// coverOf counts the rows that have a value in a column.
func coverOf(c *segment.Column, rows bitmap) coverage {
	var x coverage
	last, kind := -1, c.Uniform()
	for i := range c.Len() {
		row := c.Row(i)
		if !rows.has(row) {
			continue
		}
		if row != last {
			x.events++
			last = row
		}
		if kind == event.KindNone {
			x.kinds |= 1 << c.KindOf(i)
		}
	}
	if kind != event.KindNone && x.events > 0 {
		x.kinds = 1 << kind
	}
	return x
}

func hasPrefix(name, prefix string) bool {
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}
