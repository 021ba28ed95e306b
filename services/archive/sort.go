package archive

import (
	"container/heap"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/vault"
)

// foundStream is a field of events in a store of what matched: it routes them to
// the stream that they were archived from. Nobody sees it.
var foundStream = event.Intern("gatewatch.archived_stream")

// sorted puts the events that match into a store of their own, in the folder for
// temporary files, and calls ask with it. It is removed afterwards, and encrypted
// if one of the archives is.
func (s *scan) sorted(ctx context.Context, q *query.Query, ask func(found *store.Columnar) error) (err error) {
	dir, err := os.MkdirTemp("", "gatewatch-archive-")
	if err != nil {
		return fmt.Errorf("sort events of archives: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	keys, err := s.spillKeys(dir)
	if err != nil {
		return fmt.Errorf("sort events of archives: %w", err)
	}
	found, err := store.Open(dir, store.Config{
		Streams: s.streams(), RetainAge: -1, QueryTime: 24 * time.Hour, QueryBytes: s.reader.bytes, Keys: keys, Encrypt: keys != nil,
	})
	if err != nil {
		return fmt.Errorf("sort events of archives: %w", err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	fields := q.Fields()
	if fields != nil {
		fields = append(slices.Clip(fields), event.EventID, event.GatewatchSource)
		fields = append(fields, query.ExprFields(s.where)...)
	}
	newest := newestTimes{most: plainLimit(q)}
	one := make([]event.Event, 1)
	err = s.each(ctx, fields, newest.reached, func(stream string, e *event.Event) (bool, error) {
		newest.add(e.Time)
		e.AddText(foundStream, stream)
		one[0] = *e
		return true, found.Write(ctx, store.Batch{Events: one})
	})
	if err != nil {
		return err
	}
	return ask(found)
}

// spillKeys returns keys that nobody has after this process, for a store in a
// folder; nil if all archives are plain.
func (s *scan) spillKeys(dir string) (*vault.Ring, error) {
	sealed := func(f File) bool { return f.Key != "" }
	if !slices.ContainsFunc(s.reader.archives, func(m *Manifest) bool { return slices.ContainsFunc(m.Files, sealed) }) {
		return nil, nil
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	master, err := vault.ParseMaster(hex.EncodeToString(secret[:]))
	if err != nil {
		return nil, err
	}
	return vault.Open(filepath.Join(dir, "keys.json"), master)
}

// streams routes events to the streams of their archives.
func (s *scan) streams() []store.StreamConfig {
	var all []store.StreamConfig
	for _, m := range s.reader.archives {
		known := slices.ContainsFunc(all, func(c store.StreamConfig) bool { return c.Name == m.Stream })
		if m.Stream != "" && m.Stream != store.DefaultStream && !known {
			all = append(all, store.StreamConfig{Name: m.Stream, Filter: fmt.Sprintf("%s: %q", foundStream, m.Stream)})
		}
	}
	return all
}

// plainLimit returns how many of the newest events a query wants, 0 if it wants
// others.
func plainLimit(q *query.Query) int {
	for _, p := range q.Pipes {
		switch p := p.(type) {
		case *query.Where, *query.Keep:
		case *query.Limit:
			return p.N
		default:
			return 0
		}
	}
	return 0
}

// newestTimes knows when events of row groups that follow cannot be among the
// newest that are wanted.
type newestTimes struct {
	most  int // 0: all are wanted
	times times
}

// times is a heap with the oldest on top.
type times []int64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(x any)        { *t = append(*t, x.(int64)) }
func (t *times) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

func (n *newestTimes) add(t int64) {
	if n.most == 0 {
		return
	}
	heap.Push(&n.times, t)
	if len(n.times) > n.most {
		heap.Pop(&n.times)
	}
}

// reached tells whether events up to a time are not wanted.
func (n *newestTimes) reached(newest int64) bool {
	return n.most > 0 && len(n.times) == n.most && n.times[0] > newest
}
