package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Columnar is the embedded store: a head in memory that can be searched at
// once, and immutable columnar segments on disk. What is in the head only is
// lost in a crash; the queue has it, see [Columnar.Applied].
type Columnar struct {
	dir     string
	cfg     Config
	cache   *segment.Cache
	queries *query.Pool // of all queries
	metrics *metrics
	lock    *os.File       // nil if read only
	sealer  segment.Sealer // of Overlay, if read only; guarded by writing

	writing sync.Mutex // one Write at a time
	router  router     // guarded by writing
	offsets []uint64   // of Write, reused; guarded by writing

	mu       sync.Mutex
	head     head
	segments []*segmentFile // those of a stream in order of their queue ranges
	nextID   uint64
	lost     []lostEntry   // of segments that were mended in part
	mended   []mendedEntry // what was mended, wholly too
	rebuilt  bool          // the manifest was damaged
	applied  uint64        // queue offsets below are in segments, durably
	written  uint64        // queue offsets below were written
	changed  chan struct{} // closed and replaced whenever something here changes
	closed   bool
	space    diskSpace // guarded by writing

	faults chan struct{} // has one when a block was found damaged

	level atomic.Int32 // Level
	free  atomic.Int64 // bytes of the disk when it was last looked at
	lacks atomic.Bool  // the last events were refused, for want of space

	manifests sync.Mutex // one change of the set of segments at a time
	retiring  retirement
	stop      context.CancelFunc
	workers   sync.WaitGroup
}

// Open opens the store in a directory, which is created if need be, and locks
// it against other processes. Segments that cannot be opened are logged,
// counted and left aside; they never keep the store from starting.
func Open(dir string, cfg Config) (*Columnar, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s, err := openLocked(dir, cfg)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.lookAtRoom()
	s.workers.Go(func() { s.flushLoop(ctx) })
	if !s.cfg.unattended {
		s.workers.Go(func() { s.maintain(ctx) })
	}
	if s.cfg.ScrubEvery > 0 {
		s.workers.Go(func() { s.scrub(ctx) })
	}
	return s, nil
}

// openLocked opens a store for writing, without its workers.
func openLocked(dir string, cfg Config) (*Columnar, error) {
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s, err := open(dir, cfg, false)
	if err != nil {
		lock.Close()
		return nil, err
	}
	s.lock = lock
	s.removeOrphans()
	return s, nil
}

// OpenReadOnly opens the segments of a store beside the server that writes it.
// It sees what was in segments at that moment; the rest is in the queue from
// [Columnar.Applied] on, see [Columnar.Overlay]. Write returns ErrReadOnly.
func OpenReadOnly(dir string, cfg Config) (*Columnar, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s, err := open(dir, cfg, true)
	// A merge may remove files between the manifest and their opening.
	for try := 0; errors.Is(err, errVanished) && try < 10; try++ {
		s, err = open(dir, cfg, true)
	}
	if errors.Is(err, errVanished) { // it is gone for good, which is damage
		cfg.absent = true
		s, err = open(dir, cfg, true)
	}
	return s, err
}

// open reads the manifest and opens the segments that it names.
func open(dir string, cfg Config, readOnly bool) (*Columnar, error) {
	disk, err := spaceOf(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	routes, err := newRouter(cfg.Streams)
	if err != nil {
		return nil, err
	}
	cfg = cfg.on(disk.total)
	rebuilt := false
	m, err := readManifest(dir)
	if errors.Is(err, errNoManifest) {
		m, err = &manifest{NextID: 1}, nil
	}
	if errors.Is(err, errManifest) {
		cfg.Log.Error("store manifest is damaged, reading the segments themselves", "dir", dir)
		m, err = rebuildManifest(dir, cfg)
		rebuilt = true
	}
	if err != nil {
		return nil, err
	}
	s := &Columnar{
		dir: dir, cfg: cfg, cache: segment.NewCache(cfg.CacheBytes), queries: query.NewPool(int(max(1, cfg.QueriesBytes/cfg.QueryBytes))),
		nextID: m.NextID, applied: m.Applied, written: m.Applied, changed: make(chan struct{}),
		router: routes, faults: make(chan struct{}, 1), lost: m.Lost, mended: m.Mended, rebuilt: rebuilt,
	}
	s.head.first, s.head.next = m.Applied, m.Applied
	if readOnly {
		s.cfg.Metrics = nil
	}
	s.metrics = newMetrics(s)
	for _, e := range m.Segments {
		if err := s.adopt(e, readOnly); err != nil {
			s.closeSegments()
			return nil, err
		}
	}
	return s, nil
}

// errVanished means that a segment of the manifest is not there.
var errVanished = errors.New("segment of the manifest is missing")

// adopt opens a segment of the manifest at start. One that cannot be opened is
// left aside and stays in the manifest, so that it can be repaired.
func (s *Columnar) adopt(e namedEntry, readOnly bool) error {
	f, err := openSegment(s.dir, e, &s.cfg, s.cache)
	if readOnly && !s.cfg.absent && errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %s", errVanished, segmentName(e.ID))
	}
	if errors.Is(err, errKey) {
		return err
	}
	if err == nil {
		if err = f.learn(); err != nil {
			f.release()
		}
	}
	if err != nil {
		s.cfg.Log.Error("segment cannot be opened and is left aside", "segment", segmentName(e.ID), "rows", e.Rows, "err", err)
		s.metrics.damaged.Inc()
		f = brokenSegment(s.dir, e, s.cfg.files, err)
	} else if f.damaged > 0 {
		s.cfg.Log.Error("segment has damaged blocks", "segment", segmentName(e.ID), "blocks", f.damaged)
		s.metrics.damaged.Add(float64(f.damaged))
	}
	if e.Unknown {
		s.segments = inOrder(s.segments, f)
	} else {
		s.segments = append(s.segments, f)
	}
	return nil
}

// Applied returns the queue offset from which on events must be written again
// after a restart: everything below is in segments. A replay from there stores
// nothing twice.
func (s *Columnar) Applied() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applied
}

// broadcast wakes whoever waits for a change. The caller holds mu.
func (s *Columnar) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Write implements [Store]. It waits while the head is behind with
// encoding, or holds twice Config.FlushBytes: of one batch more at most.
func (s *Columnar) Write(ctx context.Context, b Batch) error {
	if s.lock == nil {
		return ErrReadOnly
	}
	start := time.Now()
	s.writing.Lock()
	defer s.writing.Unlock()
	offsets, err := place(b, s.offsets[:0])
	if err != nil {
		return err
	}
	if b.Offsets == nil {
		s.offsets = offsets
	}
	if err := s.admit(ctx, b); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ranged := b.Next > b.First
	if ranged && b.Next <= s.written {
		s.metrics.skipped.Add(float64(len(b.Events)))
		return nil
	}
	if ranged && b.First < s.written {
		return fmt.Errorf("write batch: offsets %d to %d are stored in part, up to %d", b.First, b.Next, s.written)
	}
	h := &s.head
	if h.rows == 0 {
		h.since = s.cfg.Now()
	}
	h.add(b.Events, offsets, s.router)
	if ranged {
		h.extend(b.First, b.Next)
		s.written = b.Next
	}
	if _, waiting := h.bytes(); h.rows-h.markedRows() >= s.cfg.FlushRows || waiting >= s.cfg.FlushBytes {
		h.mark()
		h.since = s.cfg.Now()
	}
	s.metrics.written(len(b.Events), time.Since(start))
	s.broadcast()
	return nil
}

// place returns the queue offset of each event of a batch, nil if it names none.
// It appends to dst unless the batch has them itself.
func place(b Batch, dst []uint64) ([]uint64, error) {
	if b.Next <= b.First {
		return nil, nil
	}
	if b.Offsets != nil {
		ok := len(b.Offsets) == len(b.Events) && slices.IsSorted(b.Offsets)
		if n := len(b.Offsets); !ok || n > 0 && (b.Offsets[0] < b.First || b.Offsets[n-1] >= b.Next) {
			return nil, fmt.Errorf("write batch: its offsets are not in order between %d and %d, one for each event", b.First, b.Next)
		}
		return b.Offsets, nil
	}
	at := b.First
	for i := range b.Events {
		if b.Events[i].Dataset == derivedDataset && i > 0 {
			dst = append(dst, at-1)
			continue
		}
		dst = append(dst, at)
		at++
	}
	if len(b.Events) > 0 && at != b.Next {
		return nil, fmt.Errorf("write batch: %d events for offsets %d to %d, and no word of which is of which", len(b.Events), b.First, b.Next-1)
	}
	return dst, nil
}

// derivedDataset is that of events that follow from others and so have no record
// of their own: they come behind the event that completed them.
const derivedDataset = "gatewatch.finding"

// maxUnsealed is the number of full blocks that may wait for their encoding.
const maxUnsealed = 1

// admit waits until the head has room and refuses what the disk cannot hold.
func (s *Columnar) admit(ctx context.Context, b Batch) error {
	if len(b.Events) > 0 {
		if err := s.checkSpace(); err != nil {
			return err
		}
	}
	for {
		s.mu.Lock()
		closed, changed := s.closed, s.changed
		full := s.headFull()
		s.mu.Unlock()
		switch {
		case closed:
			return ErrClosed
		case !full:
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// headFull tells whether the head is to shrink before it takes more. What makes it
// so is marked for a flush, so that it does. The caller holds mu.
func (s *Columnar) headFull() bool {
	h := &s.head
	all, _ := h.bytes()
	return h.countUnsealed() > maxUnsealed || h.rows > 4*s.cfg.FlushRows && len(h.marks) > 1 || all >= 2*s.cfg.FlushBytes
}

// Close implements [Store]: it writes the head to a segment.
func (s *Columnar) Close() error {
	s.writing.Lock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.writing.Unlock()
		return nil
	}
	s.closed = true
	if s.lock != nil && (s.head.rows > 0 || s.written > s.applied) {
		s.head.mark()
	}
	s.broadcast()
	s.mu.Unlock()
	s.writing.Unlock()
	var err error
	if s.lock != nil {
		s.stop()
		s.workers.Wait()
		err = s.flushAll()
		s.lock.Close()
	}
	s.metrics.unregister()
	s.closeSegments()
	return err
}

func (s *Columnar) closeSegments() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.segments {
		f.release()
	}
	s.segments = nil
}
