// Package ingest holds the inputs: one file for each way in which records
// arrive. An input frames, names and bounds records and hands them to the
// [Sink], which drops what it has already and appends the rest to the queue.
// Nothing is acknowledged before it is durable, and nothing is dropped without
// being counted by source and reason.
package ingest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/queue"
)

// Log is what the Sink needs of a queue; the contract is that of [queue.Queue].
type Log interface {
	Append(ctx context.Context, groups []queue.Group) (queue.Offset, error)
	Batches(ctx context.Context, from queue.Offset) iter.Seq2[queue.Batch, error]
	Commit(ctx context.Context, consumer string, next queue.Offset) error
	Committed(consumer string) queue.Offset
	// Bounds returns the offset of the oldest record kept and of the next one
	// to be appended; they are equal while the log is empty.
	Bounds() (oldest, next queue.Offset)
}

// Consumer is the name under which the Sink commits its offset, so that the
// queue is not cut before what the Sink would have to read again at its start.
const Consumer = "ingest"

var (
	// ErrDuplicate means that the source sent the record before. The first copy
	// is durable; this one was not stored.
	ErrDuplicate = errors.New("record is stored already")
	// ErrConflict means that the source sent another record under the same id
	// before. The first one is durable; this one was not stored.
	ErrConflict = errors.New("another record is stored under this id")
	// ErrSequence means that the position of a record does not rise above those
	// before it in the same call, or rises too far. It was not stored.
	ErrSequence = errors.New("position does not follow the one before")
	// ErrBusy means that the memory for records in flight is used up. The
	// sender should try again later.
	ErrBusy = errors.New("too many bytes are in flight")
)

// Config bounds what the Sink remembers and holds. The zero value is the
// default.
type Config struct {
	MemoryBytes  int64 `help:"memory for the records of all inputs that are on their way to the queue"`
	MaxSources   int   `help:"sources that are counted apart, and that are remembered by their ids"`
	IDsPerSource int   `yaml:"ids_per_source" help:"newest client ids of a source that are remembered"`
	// IDMemoryBytes is about 64 bytes an id. Beyond it the source with the most
	// forgets its oldest.
	IDMemoryBytes int64 `help:"memory for the client ids of all sources"`
	// MaxPositions: beyond it those unused for longest of the source with the most
	// are forgotten.
	MaxPositions  int           `help:"files and spools whose positions are remembered"`
	SnapshotEvery time.Duration `help:"how often what is remembered is saved"`
}

// WithDefaults fills in zero fields.
func (c Config) WithDefaults() Config {
	orInt(&c.MemoryBytes, 96<<20)
	orInt(&c.MaxSources, 10_000)
	orInt(&c.IDsPerSource, 1<<20)
	orInt(&c.IDMemoryBytes, 256<<20)
	orInt(&c.MaxPositions, 100_000)
	orInt(&c.SnapshotEvery, time.Minute)
	return c
}

// orInt sets a field that is zero to its default.
func orInt[T ~int | ~int64](field *T, def T) {
	if *field == 0 {
		*field = def
	}
}

// Validate names the key that is out of range.
func (c Config) Validate() error {
	for _, f := range []struct {
		key   string
		value int64
	}{
		{"memory_bytes", c.MemoryBytes},
		{"max_sources", int64(c.MaxSources)},
		{"ids_per_source", int64(c.IDsPerSource)},
		{"id_memory_bytes", c.IDMemoryBytes},
		{"max_positions", int64(c.MaxPositions)},
		{"snapshot_every", int64(c.SnapshotEvery)},
	} {
		if f.value < 0 {
			return fmt.Errorf("check %s: %d is negative", f.key, f.value)
		}
	}
	return nil
}

// Sink takes the records of all inputs. All methods may be called concurrently.
type Sink struct {
	cfg     Config
	log     *slog.Logger
	queue   Log
	now     func() time.Time
	memory  *memory
	sources *sources

	receiver queue.Epoch // of records that come without an id of their own
	sequence atomic.Uint64

	positions *positions
	ids       *ids
	indices   indices
	flights   flights
	snapshots *snapshots
	bodies    buffers

	cancel  context.CancelFunc
	stopped chan struct{}
}

// Open makes a Sink that keeps what it remembers in dir and reads from the
// queue what came after. It returns once it knows all records of the queue. A
// nil log discards, a nil reg registers nothing. The queue must stay open until
// after Close.
func Open(ctx context.Context, dir string, q Log, cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Sink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open ingest: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg = cfg.WithDefaults()
	s := &Sink{
		cfg: cfg, log: log, queue: q, now: time.Now,
		memory:    newMemory(cfg.MemoryBytes),
		sources:   newSources(cfg.MaxSources),
		positions: newPositions(cfg.MaxPositions),
		ids:       newIDs(cfg.IDsPerSource, cfg.MaxSources, cfg.IDMemoryBytes),
		stopped:   make(chan struct{}),
	}
	// A new epoch at each start: no count that a crash could have set back.
	_, _ = rand.Read(s.receiver[:]) // never fails
	if err := s.remember(ctx, dir); err != nil {
		return nil, fmt.Errorf("open ingest: %w", err)
	}
	s.indices.learn(s.ids.sourcesByUse())
	if reg != nil {
		if err := reg.Register(collector{s}); err != nil {
			return nil, fmt.Errorf("open ingest: register metrics: %w", err)
		}
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	go s.keepSnapshots(run)
	return s, nil
}

// Protect says which sources have tokens: their ids are not forgotten in favour
// of those of anonymous senders. Call it before records are put.
func (s *Sink) Protect(owned func(source string) bool) { s.ids.protect(owned) }

// Close saves what the Sink remembers. All inputs must have ended before.
func (s *Sink) Close() error {
	s.cancel()
	<-s.stopped
	if err := s.save(context.Background()); err != nil {
		return fmt.Errorf("close ingest: %w", err)
	}
	return nil
}

// Put appends the records of groups that have no position: those with an ID are
// compared with what their source sent before, the others get the epoch and a
// sequence number of this receiver, which Put writes into the groups. It
// returns nil if all records are durable now, else one entry a record, counted
// over the groups: nil for a durable one, [ErrDuplicate], [ErrConflict], or why
// the record was not stored, in which case it may be put again, in other groups.
// Whoever gives a record up counts it with [Sink.Refuse].
//
// The groups belong to the Sink after the call, and only reading them remains
// allowed; the memory in which the raw bytes were may be used again. ctx ends the wait for others that are storing the same
// id; once a record is on its way to the disk Put waits for its outcome.
func (s *Sink) Put(ctx context.Context, groups []queue.Group) []error {
	records, named := s.stamp(groups)
	if records == 0 {
		return nil
	}
	if named > 0 {
		return s.putNamed(ctx, groups, records)
	}
	if err := s.append(ctx, groups); err != nil {
		return same(err, records)
	}
	return nil
}

// stamp completes groups and their records, and counts all and those with ids.
func (s *Sink) stamp(groups []queue.Group) (records, named int) {
	now := s.now().UnixNano()
	for i := range groups {
		g := &groups[i]
		g.Epoch, g.Parser = s.receiver, parse.Version
		for j := range g.Records {
			r := &g.Records[j]
			if r.Received == 0 {
				r.Received = now
			}
			if r.ID == "" {
				r.Seq = s.sequence.Add(1)
			} else {
				named++
			}
		}
		records += len(g.Records)
	}
	return records, named
}

// append hands groups to the queue and counts them once they are durable.
func (s *Sink) append(ctx context.Context, groups []queue.Group) error {
	for i := range groups { // the queue keeps them in memory for a while
		if g := &groups[i]; cap(g.Records) > 2*len(g.Records) {
			g.Records = slices.Clone(g.Records)
		}
	}
	// A caller that goes away must not leave the outcome unknown: its ids and
	// positions are settled by it.
	if _, err := s.queue.Append(context.WithoutCancel(ctx), groups); err != nil {
		return err
	}
	for i := range groups {
		s.sources.of(groups[i].Source).receive(&groups[i])
	}
	return nil
}

// Refuse counts n records of a source that were not taken.
func (s *Sink) Refuse(source string, reason Reason, n int) {
	if n > 0 {
		s.sources.of(source).refuse(reason, n)
	}
}

// Sources returns the counters of all sources in order of their names.
func (s *Sink) Sources() []SourceCount { return s.sources.all() }

// same returns n times the same error.
func same(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
