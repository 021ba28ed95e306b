package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/gatewatch/gatewatch/services/queue"
)

// snapshotRate is how many bytes of snapshot are written a second on average.
const snapshotRate = 1 << 20

// remember loads the newest snapshot, reads what the queue holds after it, and
// saves the result under the new receiver epoch before it is used.
func (s *Sink) remember(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	s.snapshots = &snapshots{dir: dir}
	from, receiver, damaged := s.snapshots.read(s.positions, s.ids)
	for _, err := range damaged {
		s.log.Error("snapshot of seen records not usable", "err", err)
	}
	oldest, next := s.queue.Bounds()
	switch {
	case from == 0 && (len(damaged) > 0 || oldest > 1):
		s.log.Warn("what senders sent before is known from the queue only: older records that are sent again are stored twice",
			"from", oldest)
	case from > next:
		s.log.Warn("the queue is shorter than at the last snapshot", "snapshot", from, "next", next)
	}
	if err := s.rebuild(ctx, max(from, oldest), next, receiver); err != nil {
		return err
	}
	s.flights.complete(next)
	return s.save(ctx)
}

// rebuild reads the records from <= offset < next.
func (s *Sink) rebuild(ctx context.Context, from, next queue.Offset, receiver queue.Epoch) error {
	if from >= next {
		return nil
	}
	for b, err := range s.queue.Batches(ctx, from) {
		var gap *queue.GapError
		switch {
		case errors.As(err, &gap):
			s.log.Warn("records that are lost can't be recognised when they are sent again", "from", gap.From, "to", gap.To)
			b.Next = gap.To
		case err != nil:
			return fmt.Errorf("read queue: %w", err)
		}
		for i := range b.Groups {
			s.learn(&b.Groups[i], receiver)
		}
		if b.Next >= next {
			return nil
		}
	}
	return ctx.Err()
}

// learn remembers the records of a group that was read from the queue.
func (s *Sink) learn(g *queue.Group, receiver queue.Epoch) {
	var last uint64
	for i := range g.Records {
		r := &g.Records[i]
		if r.ID == "" {
			last = max(last, r.Seq)
			continue
		}
		s.ids.remember(g.Source, idEntry{keyOf(r.ID), xxhash.Sum64(r.Raw)})
	}
	if last > 0 && g.Epoch != receiver {
		s.positions.raise(positionKey{g.Source, g.Epoch}, last)
	}
}

// save writes a snapshot and lets the queue be cut up to the one before it.
func (s *Sink) save(ctx context.Context) error {
	_, next := s.queue.Bounds()
	covered := s.flights.complete(next)
	older, err := s.snapshots.write(covered, s.receiver, s.positions, s.ids)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if older == 0 {
		older, _ = s.queue.Bounds()
	}
	if older = min(older, next); older <= s.queue.Committed(Consumer) {
		return nil
	}
	if err := s.queue.Commit(ctx, Consumer, older); err != nil {
		return fmt.Errorf("commit offset: %w", err)
	}
	return nil
}

// keepSnapshots saves now and then until ctx ends. Large snapshots are saved
// less often.
func (s *Sink) keepSnapshots(ctx context.Context) {
	defer close(s.stopped)
	for {
		pause := max(s.cfg.SnapshotEvery, time.Duration(s.snapshots.size/snapshotRate)*time.Second)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if _, next := s.queue.Bounds(); s.flights.complete(next) == s.snapshots.covered {
			continue
		}
		if err := s.save(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("snapshot of seen records failed", "err", err)
		}
	}
}
