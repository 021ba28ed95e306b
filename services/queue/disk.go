package queue

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/gatewatch/gatewatch/services/vault"
)

// Disk is a Queue in one directory of this machine: segments of frames, written
// by one committer goroutine with one sync for all appends of a round. All
// methods may be called concurrently.
type Disk struct {
	cfg     Config
	fs      fileSystem
	log     *slog.Logger
	metrics *metrics
	commits *commits
	now     func() time.Time
	lock    *os.File // nil in tests without a real directory

	sealer  atomic.Pointer[vault.Sealer] // nil: what is appended is not encrypted
	gate    sync.RWMutex                 // held for reading while an append enters
	closed  bool
	appends sync.WaitGroup
	memory  *semaphore.Weighted // bytes of frames until their outcome is known
	buffers sync.Pool           // *[]byte
	inbox   chan *pending
	stopped chan struct{} // closed when the committer has ended

	// Only the committer uses these.
	vectors  [][]byte
	serial   uint64
	spare    int64                // bytes there was room for when last looked
	refusing atomic.Pointer[Room] // nil while records are taken

	cutting sync.Mutex // held while segments are removed, before mu

	mu       sync.Mutex
	segments []*segment // ascending, without gaps but those of missing files
	active   *segment   // the last one while it is open for writing; set by the committer
	next     Offset     // of the next record; set by the committer
	bytes    int64      // of all segments
	tail     tail
	pace     pace
	changed  chan struct{} // closed and replaced when readers should look again
	ended    bool
}

// Open opens the log in dir and makes dir if need be. It fails if another
// process has it open. Damage is no error: it is logged, counted, and yielded
// to readers as a *GapError. A nil log discards, a nil reg registers nothing.
func Open(dir string, cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make queue directory: %w", err)
	}
	lock, err := directory(dir).lock()
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", dir, err)
	}
	d, err := open(directory(dir), cfg, log, reg)
	if err != nil {
		_ = lock.Close() // the open error is the one that matters
		return nil, fmt.Errorf("open queue %s: %w", dir, err)
	}
	d.lock = lock
	return d, nil
}

// open recovers the log in fs and starts its committer.
func open(fs fileSystem, cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Disk, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	_, total, err := fs.space()
	if err != nil {
		return nil, fmt.Errorf("read size of disk: %w", err)
	}
	cfg = cfg.on(total)
	d := &Disk{
		cfg: cfg, fs: fs, log: log, now: time.Now,
		memory:  semaphore.NewWeighted(2 * maxAppendBytes),
		inbox:   make(chan *pending, 256),
		stopped: make(chan struct{}),
		changed: make(chan struct{}),
		tail:    tail{max: cfg.TailBytes},
		pace:    pace{followers: map[*reader]Offset{}},
	}
	d.buffers.New = func() any { return new([]byte) }
	if d.metrics, err = newMetrics(reg, d); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if err := d.load(); err != nil {
		return nil, err
	}
	if err := d.renewSealer(); err != nil {
		return nil, err
	}
	go d.commitLoop()
	return d, nil
}

// Append implements [Queue]. It returns ErrTooLarge if the groups take more
// than Config.MaxAppendBytes, ErrFull if there is no room for them, ErrClosed
// after Close, and the error of the file system if they could not be made
// durable. If ctx ends while they are being written, Append returns its error
// and the records may or may not be in the log; otherwise they are not.
// Appending no record at all does nothing.
func (d *Disk) Append(ctx context.Context, groups []Group) (Offset, error) {
	records, bound := measure(groups)
	if records == 0 {
		return 0, ctx.Err()
	}
	if d.cfg.Encrypt {
		bound += vault.Overhead
	}
	if bound > d.cfg.MaxAppendBytes {
		d.metrics.refused.WithLabelValues("too_large").Add(float64(records))
		return 0, ErrTooLarge
	}
	if !d.enter() {
		return 0, ErrClosed
	}
	defer d.appends.Done()
	if err := d.memory.Acquire(ctx, bound); err != nil {
		return 0, err
	}
	p := d.encode(groups, bound)
	defer d.enterTail(ctx, p.kept)()
	select {
	case d.inbox <- p: // from here on the committer releases the memory
	case <-ctx.Done():
		d.memory.Release(bound)
		return 0, ctx.Err()
	}
	select {
	case o := <-p.outcome:
		if p.pooled {
			d.giveBack(p.frame)
		}
		return o.first, o.err
	case <-ctx.Done():
		// Whether withdrawn or being written: the committer owns the frame now.
		p.state.CompareAndSwap(waiting, withdrawn)
		return 0, ctx.Err()
	}
}

// maxPooled is the largest buffer that is kept for the next append.
const maxPooled = 4 << 20

// buffer returns memory with room for the header of a frame and n bytes.
func (d *Disk) buffer(n int64) []byte {
	b := *d.buffers.Get().(*[]byte)
	if int64(cap(b)) < headerSize+n {
		b = make([]byte, headerSize+n)
	}
	return b[:headerSize]
}

func (d *Disk) giveBack(b []byte) {
	if cap(b) <= maxPooled {
		d.buffers.Put(&b)
	}
}

// enter reports whether the log is open, and if so holds Close back until
// appends.Done.
func (d *Disk) enter() bool {
	d.gate.RLock()
	defer d.gate.RUnlock()
	if d.closed {
		return false
	}
	d.appends.Add(1)
	return true
}

// encode makes the frame of groups, all but its header. The groups keep the
// memory of a frame that is neither packed nor encrypted.
func (d *Disk) encode(groups []Group, bound int64) *pending {
	p := &pending{groups: groups, bound: bound, kept: footprint(groups), outcome: make(chan outcome, 1)}
	p.frame = appendBody(make([]byte, headerSize, headerSize+bound), groups)
	d.pack(p)
	d.seal(p)
	body := p.frame[headerSize:]
	p.head.length, p.head.bodySum = uint32(len(body)), crc32.Checksum(body, castagnoli)
	for i := range groups {
		p.head.count += uint32(len(groups[i].Records))
	}
	return p
}

// pack packs the body of a frame where that is worth it.
func (d *Disk) pack(p *pending) {
	body := p.frame[headerSize:]
	if len(body) < minPacked {
		return
	}
	packed, ok := appendPacked(d.buffer(0), body)
	if !ok {
		d.giveBack(packed)
		return
	}
	p.frame, p.pooled, p.head.packed = packed, true, true
}

// Batches implements [Queue]. It returns without an error when ctx ends and
// yields ErrClosed when the log is closed. A reader that keeps up is served from
// memory; one that lags reads the files.
func (d *Disk) Batches(ctx context.Context, from Offset) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		r := reader{d: d, pos: from}
		defer r.end()
		for {
			b, err := r.next(ctx)
			if ctx.Err() != nil && err != nil {
				return
			}
			var gap *GapError
			if !yield(b, err) || (err != nil && !errors.As(err, &gap)) {
				return
			}
		}
	}
}

// Commit implements [Queue]. The consumer may go back; what was cut meanwhile
// is gone. It is safe to call every second for each of a few consumers.
func (d *Disk) Commit(ctx context.Context, consumer string, next Offset) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !d.enter() {
		return ErrClosed
	}
	defer d.appends.Done()
	oldest, end := d.Bounds()
	if consumer == "" || next > end {
		return fmt.Errorf("commit offset %d of %q: the log ends before %d", next, consumer, end)
	}
	if err := d.commits.set(consumer, next, oldest, end); err != nil {
		return err
	}
	d.cut(0)
	return nil
}

// Committed implements [Queue].
func (d *Disk) Committed(consumer string) Offset { return d.commits.state().consumers[consumer] }

// Bounds returns the offset of the oldest record kept and of the next one to
// be appended; they are equal while the log is empty.
func (d *Disk) Bounds() (oldest, next Offset) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.oldestLocked(), d.next
}

func (d *Disk) oldestLocked() Offset {
	if len(d.segments) == 0 {
		return d.next
	}
	return d.segments[0].base
}

// Close implements [Queue]. Readers end with ErrClosed.
func (d *Disk) Close() error {
	d.gate.Lock()
	if d.closed {
		d.gate.Unlock()
		return nil
	}
	d.closed = true
	d.gate.Unlock()
	d.appends.Wait()
	close(d.inbox)
	<-d.stopped
	d.retire()
	d.mu.Lock()
	d.ended = true
	d.wakeLocked()
	d.mu.Unlock()
	// With the end on record, a tail that is lost later is known to be a gap.
	err := d.commits.bound(d.Bounds())
	if d.lock != nil {
		if cerr := d.lock.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return fmt.Errorf("close queue: %w", err)
	}
	return nil
}
