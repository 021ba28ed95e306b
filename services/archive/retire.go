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

// maxNames is how many archives of segments of one name, stream and time there may
// be: each restore of a store may begin to count segments anew.
const maxNames = 1000

// Archive is for [store.Config.Archive]. On return the events that can be read
// are in an archive, durable and verified; events of damaged blocks are lost
// already, and the log says how many blocks. A segment that was archived before
// a crash is not archived again: an archive that says it is of this very file is
// verified once more. One of another segment, or that is damaged, counts for
// nothing, and the archive gets another name.
func (r *Retirer) Archive(ctx context.Context, s store.Retired) error {
	from, err := segmentOf(&s)
	if err != nil {
		return err
	}
	for n := 1; n <= maxNames; n++ {
		name := r.nameOf(&s)
		if n > 1 {
			name = fmt.Sprintf("%s_%d", name, n)
		}
		err := r.create(ctx, &s, from, name)
		if !errors.Is(err, ErrExists) {
			return err
		}
		why, err := r.holds(ctx, &s, from, name)
		if err != nil || why == "" {
			return err
		}
		r.Log.Warn("an archive of that name is not of this segment", slog.String("archive", name), slog.String("segment", s.Name), slog.String("why", why))
	}
	return fmt.Errorf("archive %s: %d archives of other segments have its name", s.Name, maxNames)
}

// segmentOf says which segment it is, all but its damage.
func segmentOf(s *store.Retired) (*Segment, error) {
	sum, err := s.SHA256()
	if err != nil {
		return nil, err
	}
	return &Segment{Name: s.Name, First: s.First, Next: s.Next, Rows: s.Rows, SHA256: sum}, nil
}

// create makes the archive of a segment, with its damage.
func (r *Retirer) create(ctx context.Context, s *store.Retired, from *Segment, name string) error {
	o := Options{Name: name, Stream: s.Stream, Encrypt: r.Encrypt, Keys: r.Keys, Now: r.Now(), Segment: from}
	m, err := Create(ctx, r.Dir, o, func(yield func(*event.Event) error) (err error) {
		from.Damaged, err = s.Each(yield)
		return err
	})
	if errors.Is(err, ErrNoEvents) {
		err = nil // nothing of it can be read
	}
	if err != nil {
		return err
	}
	rows := int64(0)
	if m != nil {
		rows = m.Rows
		r.Log.Info("archived a segment", slog.String("archive", m.Name), slog.Int64("rows", m.Rows), slog.Int64("bytes", m.Bytes))
	}
	if from.Damaged > 0 || rows != s.Rows {
		r.Log.Error("events of a segment are not archived: they cannot be read", slog.String("segment", s.Name),
			slog.Int("damaged_blocks", from.Damaged), slog.Int64("rows", s.Rows), slog.Int64("archived", rows))
	}
	return nil
}

// nameOf names the archive of a segment by its stream, the time of its first
// event and its file.
func (r *Retirer) nameOf(s *store.Retired) string {
	file, _, _ := strings.Cut(s.Name, ".")
	first := time.Unix(0, s.From).UTC().Format("20060102T150405Z")
	return fmt.Sprintf("%s_%s_%s", s.Stream, first, file)
}

// holds tells why an archive does not have the events of a segment, "" if it has
// all that can be read.
func (r *Retirer) holds(ctx context.Context, s *store.Retired, from *Segment, name string) (why string, err error) {
	m, err := Open(r.Dir, name)
	if err != nil {
		return err.Error(), nil
	}
	if m.Stream != s.Stream || m.Segment == nil {
		return "it does not say that it is of this segment", nil
	}
	want := *from
	want.Damaged = m.Segment.Damaged // follows from the bytes, which are the same
	if *m.Segment != want {
		return "it is of another file", nil
	}
	if want.Damaged == 0 && m.Rows != s.Rows {
		return fmt.Sprintf("it has %d rows of %d", m.Rows, s.Rows), nil
	}
	if errs := m.Verify(ctx, r.Keys); len(errs) > 0 {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		return errors.Join(errs...).Error(), nil
	}
	return "", nil
}
