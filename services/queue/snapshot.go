package queue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"os"

	"github.com/gatewatch/gatewatch/services/vault"
)

// Snapshot is a log in a directory as it was at one moment, for reading beside
// the process that writes it. It takes no lock and changes no file. Records that
// are being appended at that moment may be in it although nobody has
// acknowledged them yet. It may be read several times, one after the other.
type Snapshot struct{ d *Disk }

// OpenSnapshot looks at the log in dir. The keys open what is sealed; nil if
// nothing is.
func OpenSnapshot(dir string, keys *vault.Ring) (*Snapshot, error) {
	d := &Disk{cfg: Config{Keys: keys}, fs: directory(dir), log: slog.New(slog.DiscardHandler), changed: make(chan struct{})}
	infos, err := d.fs.list()
	if err != nil {
		return nil, fmt.Errorf("open queue %s for reading: %w", dir, err)
	}
	if d.metrics, err = newMetrics(nil, d); err != nil {
		return nil, fmt.Errorf("open queue %s for reading: %w", dir, err)
	}
	d.commits, _ = loadCommits(d.fs) // only says whether what is missing was cut
	d.collect(infos)
	d.next = 1
	if n := len(d.segments); n > 0 {
		last := d.segments[n-1]
		end, err := readableEnd(d.fs, last)
		if err != nil {
			return nil, fmt.Errorf("open queue %s for reading: %w", dir, err)
		}
		last.limit, d.next = end, end
	}
	return &Snapshot{d}, nil
}

// readableEnd returns the offset after the last record of a segment that can be
// read. What follows is being written, or was torn.
func readableEnd(fs fileSystem, s *segment) (Offset, error) {
	f, err := fs.open(s.name, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	sc := newScanner(f, nil, s.marker, s.base)
	sc.size, sc.limit = s.size, math.MaxUint64
	for h, ok := sc.head(); ok; h, ok = sc.head() {
		_, _ = sc.body(h) // damage between whole frames is for the reader to report
	}
	return sc.after, f.Close()
}

// Bounds returns the offset of the oldest record and of the one after the last.
func (s *Snapshot) Bounds() (oldest, next Offset) { return s.d.Bounds() }

// Batches is that of a [Queue], but ends at the end of the log.
func (s *Snapshot) Batches(ctx context.Context, from Offset) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		r := reader{d: s.d, pos: from}
		defer r.close()
		for r.pos < s.d.next {
			b, err := r.next(ctx)
			var gap *GapError
			if ctx.Err() != nil && err != nil || !yield(b, err) || err != nil && !errors.As(err, &gap) {
				return
			}
		}
	}
}
