package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/vault"
)

// Retirer archives the segments that retention is about to delete.
type Retirer struct {
	Dir     string // of the archives
	Encrypt bool
	Keys    *vault.Ring
	Log     *slog.Logger
	Now     func() time.Time
}

// Archive is for [store.Config.Archive]. On return the events that can be read
// are in an archive, durable and verified; events of damaged blocks are lost
// already, and the log says how many blocks. A segment that was archived before
// a crash is not archived again.
func (r *Retirer) Archive(ctx context.Context, s store.Retired) error {
	damaged := 0
	o := Options{Name: r.nameOf(&s), Stream: s.Stream, Encrypt: r.Encrypt, Keys: r.Keys, Now: r.Now()}
	m, err := Create(ctx, r.Dir, o, func(yield func(*event.Event) error) (err error) {
		damaged, err = s.Each(yield)
		return err
	})
	switch {
	case errors.Is(err, ErrExists):
		return r.compare(&s, o.Name)
	case errors.Is(err, ErrNoEvents):
		err = nil // nothing of it can be read
	}
	if damaged > 0 {
		r.Log.Error("damaged blocks of a segment are not archived", slog.String("segment", s.Name), slog.Int("blocks", damaged))
	}
	if err == nil && m != nil {
		r.Log.Info("archived a segment", slog.String("archive", m.Name), slog.Int64("rows", m.Rows), slog.Int64("bytes", m.Bytes))
	}
	return err
}

// nameOf names the archive of a segment by its stream, the time of its first
// event and its file, of which a store has one for ever.
func (r *Retirer) nameOf(s *store.Retired) string {
	file, _, _ := strings.Cut(s.Name, ".")
	first := time.Unix(0, s.From).UTC().Format("20060102T150405Z")
	return fmt.Sprintf("%s_%s_%s", s.Stream, first, file)
}

// compare tells whether an archive is that of a segment.
func (r *Retirer) compare(s *store.Retired, name string) error {
	m, err := Open(r.Dir, name)
	if err == nil && (m.Stream != s.Stream || m.Rows > s.Rows || m.First.UnixNano() < s.From || m.Last.UnixNano() > s.To) {
		err = fmt.Errorf("archive %s: %w, of another store", name, ErrExists)
	}
	return err
}
