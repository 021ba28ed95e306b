package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/vault"
)

// Restored marks events that came back from an archive, with its name.
var Restored = event.Intern("gatewatch.restored")

// Restore writes the events of an archive into a store that nobody else writes
// to. They keep id, source and times, are marked by [Restored], and go to the
// stream that the store's rules give them. Events that the store holds, by id and
// source, are left out, so that it may be repeated after an interruption; those
// without an id are written again. It returns how many were written, and how many
// were there. The archive is verified first; nothing of a damaged one is restored.
// Memory is that of a row group's identities and of a batch, whatever the store
// holds.
func Restore(ctx context.Context, m *Manifest, keys *vault.Ring, s *store.Columnar) (written, present int64, err error) {
	if errs := m.Verify(ctx, keys); len(errs) > 0 {
		return 0, 0, errors.Join(errs...)
	}
	r := &restoration{ctx: ctx, store: s, name: m.Name, page: lookRows}
	err = r.run(m, keys)
	return r.written, r.present, err
}

// Bounds of a restoration.
const (
	restoreRows  = 1024    // of one write
	restoreBytes = 4 << 20 // of the lines of one write
	lookRows     = 1 << 14 // of one page of what the store holds: far less than store.query_time
	lookSpans    = 16      // ranges of time that are looked at for a row group
)

// restoration is a Restore at work.
type restoration struct {
	ctx              context.Context
	store            *store.Columnar
	name             string
	look             *query.Query // for identities
	page             int          // of them
	written, present int64
	held             map[identity]bool // of the events of a row group: whether the store has them
	batch            []event.Event
	bytes            int // of the lines of the batch
}

// identity is the hash of id and source of an event.
type identity [16]byte

func identityOf(e *event.Event) identity {
	sum := sha256.Sum256([]byte(e.Source + "\x00" + e.ID))
	return identity(sum[:16])
}

func (r *restoration) run(m *Manifest, keys *vault.Ring) (err error) {
	if r.look, err = query.Parse("* | keep event.id, gatewatch.source", time.Unix(0, 0)); err != nil {
		return err
	}
	for i := range m.Files {
		if err := r.file(m, &m.Files[i], keys); err != nil {
			return fmt.Errorf("restore %s: %w", m.Name, err)
		}
	}
	return nil
}

func (r *restoration) file(m *Manifest, f *File, keys *vault.Ring) error {
	p, err := m.openFile(f, keys)
	if err != nil {
		return err
	}
	defer p.close()
	for i := range f.Groups {
		if err := r.hold(p, i); err != nil {
			return err
		}
		if err := p.each(i, nil, r.add); err != nil {
			return err
		}
		if err := r.flush(); err != nil {
			return err
		}
	}
	return nil
}

// hold finds out which events of a row group the store holds.
func (r *restoration) hold(p *parquetFile, group int) error {
	r.held = map[identity]bool{}
	var times []int64
	err := p.each(group, []event.Key{event.EventID, event.GatewatchSource}, func(e *event.Event) error {
		if e.ID != "" {
			r.held[identityOf(e)] = false
			times = append(times, e.Time)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range spansOf(times) {
		if err := r.lookAt(s); err != nil {
			return err
		}
	}
	return nil
}

// span is a range of time, both ends inclusive.
type span struct{ first, last int64 }

// spansOf returns the ranges that times are in, without the large gaps between
// them: a group may have a few events of another year. It sorts times.
func spansOf(times []int64) []span {
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	// Of gaps larger than that there are fewer than lookSpans.
	gap := (uint64(times[len(times)-1]) - uint64(times[0])) / lookSpans
	all := []span{{times[0], times[0]}}
	for _, t := range times {
		s := &all[len(all)-1]
		if uint64(t)-uint64(s.last) > gap {
			all = append(all, span{t, t})
			continue
		}
		s.last = t
	}
	return all
}

// lookAt marks the events that the store holds of a range of time. It asks for
// pages, so that no answer takes long.
func (r *restoration) lookAt(s span) error {
	request := store.SearchRequest{Query: r.look, From: time.Unix(0, s.first), To: time.Unix(0, s.last).Add(1), PageSize: r.page}
	for {
		page, err := r.store.Search(r.ctx, request, func(e *event.Event) error {
			if id := identityOf(e); e.ID != "" {
				if _, ours := r.held[id]; ours {
					r.held[id] = true
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(page.Stats.Partial) > 0 {
			return fmt.Errorf("cannot tell what the store holds: %s", page.Stats.Partial[0])
		}
		if page.NextToken == "" {
			return nil
		}
		request.PageToken = page.NextToken
	}
}

// add puts an event into the batch unless the store holds it.
func (r *restoration) add(e *event.Event) error {
	if e.ID != "" {
		id := identityOf(e)
		if r.held[id] {
			r.present++
			return nil
		}
		r.held[id] = true
	}
	kept := e.Clone()
	kept.Set(Restored, event.String(r.name))
	r.batch = append(r.batch, *kept)
	if r.bytes += len(e.Raw); len(r.batch) < restoreRows && r.bytes < restoreBytes {
		return nil
	}
	return r.flush()
}

// flush writes the batch.
func (r *restoration) flush() error {
	if len(r.batch) == 0 {
		return nil
	}
	if err := r.store.Write(r.ctx, store.Batch{Events: r.batch}); err != nil {
		return err
	}
	r.written += int64(len(r.batch))
	clear(r.batch)
	r.batch, r.bytes = r.batch[:0], 0
	return nil
}
