package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/vault"
)

// Reader answers queries about the events of all archives of a folder. An event
// that is in several archives counts several times, of which the stats warn. Its methods may be called
// concurrently.
type Reader struct {
	archives []*Manifest
	problems []string // archives that cannot be read
	keys     *vault.Ring
	bytes    int64 // memory that a query may take
}

// OpenReader opens the archives of a folder. queryBytes bounds the memory of a
// query.
func OpenReader(dir string, keys *vault.Ring, queryBytes int64) (*Reader, error) {
	all, problems, err := List(dir)
	if err != nil {
		return nil, err
	}
	r := &Reader{archives: all, keys: keys, bytes: queryBytes}
	for _, p := range problems {
		r.problems = append(r.problems, p.Error())
	}
	if len(all)+len(problems) == 0 {
		return nil, fmt.Errorf("open archives: %s holds none", dir)
	}
	return r, nil
}

// groupRef is a row group of an archive.
type groupRef struct {
	archive *Manifest
	file    *File
	number  int
}

func (g *groupRef) group() *Group { return &g.file.Groups[g.number] }

// groups returns the row groups that may hold events of from <= t < to, those
// with the newest events first.
func (r *Reader) groups(from, to int64) []groupRef {
	var all []groupRef
	for _, m := range r.archives {
		for i := range m.Files {
			for n, g := range m.Files[i].Groups {
				if g.Last >= from && g.First < to {
					all = append(all, groupRef{m, &m.Files[i], n})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b groupRef) int { return cmp.Compare(b.group().Last, a.group().Last) })
	return all
}

// scan is one query at work.
type scan struct {
	reader   *Reader
	where    query.Expr
	from, to int64
	stats    store.Stats
}

func (r *Reader) scan(q *query.Query, req store.SearchRequest) *scan {
	s := &scan{reader: r, where: q.Where(), from: math.MinInt64, to: math.MaxInt64}
	if ns, ok := event.Nanos(req.From); ok && !req.From.IsZero() {
		s.from = ns
	}
	if ns, ok := event.Nanos(req.To); ok && !req.To.IsZero() {
		s.to = ns
	}
	from, to := query.TimeRange(s.where)
	s.from, s.to = max(s.from, from), min(s.to, to)
	s.stats.Partial, s.stats.Notes = slices.Clone(r.problems), r.overlapNote(s.from, s.to)
	return s
}

// each calls f with the events that match, until it returns false. done is asked
// before each row group, with the newest time in it and in those that follow.
func (s *scan) each(ctx context.Context, keys []event.Key, done func(newest int64) bool, f func(stream string, e *event.Event) (bool, error)) error {
	groups := s.reader.groups(s.from, s.to)
	s.stats.Segments, s.stats.Blocks = len(s.reader.archives), len(groups)
	matcher := query.NewMatcher(s.where)
	for _, g := range groups {
		if done(g.group().Last) {
			return nil
		}
		more, err := s.group(ctx, g, keys, matcher, f)
		if errors.Is(err, ErrDamaged) {
			s.stats.BlocksDamaged++
			s.stats.Partial = append(s.stats.Partial, fmt.Sprintf("archive %s, %s, group %d: %v", g.archive.Name, g.file.Name, g.number, err))
			err = nil
		}
		if err != nil || !more {
			return err
		}
	}
	return nil
}

func (s *scan) group(ctx context.Context, g groupRef, keys []event.Key, m *query.Matcher, f func(string, *event.Event) (bool, error)) (more bool, err error) {
	p, err := g.archive.openFile(g.file, s.reader.keys)
	if err != nil {
		return true, fmt.Errorf("open %s: %w", filepath.Join(g.archive.Name, g.file.Name), err)
	}
	defer p.close()
	s.stats.BlocksRead++
	row := streamRow{stream: g.archive.Stream}
	more = true
	err = p.each(g.number, keys, func(e *event.Event) error {
		s.stats.RowsRead++
		if s.stats.RowsRead%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row.Event = e
		if e.Time < s.from || e.Time >= s.to || !m.Match(row) {
			return nil
		}
		s.stats.RowsMatched++
		more, err = f(row.stream, e)
		if err == nil && !more {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return more, err
}

var errEnough = errors.New("enough")

// streamRow is an event as a row, with the stream of its archive.
type streamRow struct {
	*event.Event
	stream string
}

// AppendValues implements query.Row.
func (r streamRow) AppendValues(dst []event.Value, k event.Key) []event.Value {
	if k.Is(event.GatewatchStream) {
		if r.stream == "" {
			return dst
		}
		return append(dst, event.String(r.stream))
	}
	return query.EventRow{Event: r.Event}.AppendValues(dst, k)
}

// Aggregate answers a query that ends in a table; see [store.Store].
func (r *Reader) Aggregate(ctx context.Context, req store.AggregateRequest) (*query.Table, store.Stats, error) {
	s := r.scan(req.Query, store.SearchRequest{From: req.From, To: req.To})
	if req.Query.Ordered() {
		var table *query.Table
		err := s.sorted(ctx, req.Query, func(found *store.Columnar) (err error) {
			var stats store.Stats
			table, stats, err = found.Aggregate(ctx, store.AggregateRequest{Query: req.Query})
			s.stats.Partial = append(s.stats.Partial, stats.Partial...)
			return err
		})
		return table, s.stats, err
	}
	budget := query.NewBudget(r.bytes, 0)
	defer budget.Close()
	x := query.NewExec(req.Query, budget)
	keys := append(query.ExprFields(s.where), req.Query.PipeFields()...)
	never := func(int64) bool { return false }
	err := s.each(ctx, keys, never, func(stream string, e *event.Event) (bool, error) {
		err := x.Add(streamRow{e, stream})
		return x.More(), err
	})
	if err != nil {
		return nil, s.stats, err
	}
	table, err := x.Result(ctx)
	return table, s.stats, err
}

// Search yields the events of a query in its order; see [store.Store]. It has no
// pages. What matches is sorted on disk, in the folder for temporary files.
func (r *Reader) Search(ctx context.Context, req store.SearchRequest, yield func(*event.Event) error) (store.Page, error) {
	s := r.scan(req.Query, req)
	err := s.sorted(ctx, req.Query, func(found *store.Columnar) error {
		page, err := found.Search(ctx, store.SearchRequest{Query: req.Query}, func(e *event.Event) error {
			e.Delete(foundStream)
			return yield(e)
		})
		s.stats.Partial = append(s.stats.Partial, page.Stats.Partial...)
		return err
	})
	return store.Page{Stats: s.stats}, err
}
