package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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
// source, are left out, so that it may be repeated after an interruption. It
// returns how many were written, and how many were there. The archive is verified
// first; nothing of a damaged one is restored.
func Restore(ctx context.Context, m *Manifest, keys *vault.Ring, s *store.Columnar) (written, present int64, err error) {
	if errs := m.Verify(ctx, keys); len(errs) > 0 {
		return 0, 0, errors.Join(errs...)
	}
	r := &restoration{ctx: ctx, store: s, name: m.Name}
	for i := range m.Files {
		if err := r.file(m, &m.Files[i], keys); err != nil {
			return r.written, r.present, fmt.Errorf("restore %s: %w", m.Name, err)
		}
	}
	return r.written, r.present, nil
}

// restoration is a Restore at work.
type restoration struct {
	ctx              context.Context
	store            *store.Columnar
	name             string
	written, present int64
	held             map[identity]bool // in the store, of the time of a row group
	batch            []event.Event
}

// identity is the hash of id and source of an event.
type identity [16]byte

func identityOf(e *event.Event) identity {
	sum := sha256.Sum256([]byte(e.Source + "\x00" + e.ID))
	return identity(sum[:16])
}

func (r *restoration) file(m *Manifest, f *File, keys *vault.Ring) error {
	p, err := m.openFile(f, keys)
	if err != nil {
		return err
	}
	defer p.close()
	for i := range f.Groups {
		if err := r.hold(&f.Groups[i]); err != nil {
			return err
		}
		if err := p.each(i, nil, r.add); err != nil {
			return err
		}
	}
	return nil
}

// hold finds out what the store holds of the time of a row group.
func (r *restoration) hold(g *Group) error {
	r.held = map[identity]bool{}
	q, err := query.Parse("* | keep event.id, gatewatch.source", time.Unix(0, 0))
	if err != nil {
		return err
	}
	request := store.SearchRequest{Query: q, From: time.Unix(0, g.First), To: time.Unix(0, g.Last+1)}
	page, err := r.store.Search(r.ctx, request, func(e *event.Event) error {
		r.held[identityOf(e)] = true
		return nil
	})
	if err == nil && len(page.Stats.Partial) > 0 {
		err = fmt.Errorf("cannot tell what the store holds: %s", page.Stats.Partial[0])
	}
	return err
}

func (r *restoration) add(e *event.Event) error {
	if id := identityOf(e); r.held[id] {
		r.present++
		return nil
	} else if e.ID != "" {
		r.held[id] = true
	}
	e.Set(Restored, event.String(r.name))
	r.batch = append(r.batch[:0], *e)
	if err := r.store.Write(r.ctx, store.Batch{Events: r.batch}); err != nil {
		return err
	}
	r.written++
	return nil
}
