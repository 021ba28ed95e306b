package waf

import (
	"context"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// SpoolConfig bounds the spool. The zero value is the default.
type SpoolConfig struct {
	Dir          string        `help:"directory of the spool; default ./gatewatch-waf-spool"`
	MaxBytes     int64         `help:"size at which new records are refused and counted; default 1GiB"`
	BufferBytes  int64         `help:"memory for records on their way to the disk; default 8MiB"`
	SyncInterval time.Duration `help:"how much a power cut can take at most, and how long a record waits to be sent; default 200ms"`
	KeyFile      string        `help:"file with a key of 32 bytes (raw, hex or base64) that records are sealed under"`
}

func (c SpoolConfig) withDefaults() SpoolConfig {
	if c.Dir == "" {
		c.Dir = "gatewatch-waf-spool"
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 1 << 30
	}
	if c.BufferBytes == 0 {
		c.BufferBytes = 8 << 20
	}
	if c.SyncInterval == 0 {
		c.SyncInterval = 200 * time.Millisecond
	}
	return c
}

func (c SpoolConfig) validate() error {
	switch {
	case c.MaxBytes < 64<<10:
		return fmt.Errorf("max_bytes: %d is less than 64 KiB", c.MaxBytes)
	case c.BufferBytes < 64<<10 || c.BufferBytes > 1<<30:
		return fmt.Errorf("buffer_bytes: %d is not between 64 KiB and 1 GiB", c.BufferBytes)
	case c.SyncInterval < time.Millisecond || c.SyncInterval > time.Minute:
		return fmt.Errorf("sync_interval: %s is not between 1ms and 1m", c.SyncInterval)
	}
	return nil
}

// Spool keeps records on disk until they are acknowledged. Records have
// sequence numbers from 1 in the order in which they were put.
//
// A record survives the death of the process once the writer has written it
// (at once, but not before Put returns) and a power cut once it is synced,
// SyncInterval later. Only synced records are read, so that a sequence number
// that was sent is never given out again. When the spool is full its oldest
// records stay and new ones are refused.
type Spool struct {
	cfg   SpoolConfig
	seal  cipher.AEAD // nil for plain records
	log   *slog.Logger
	now   func() time.Time
	about func(refused uint64) []byte // makes the record that tells of refused ones
	fsync func(*os.File) error        // makes the bytes of a file durable
	lock  *os.File

	told   time.Time // of the writer: when there was last word of refused records,
	untold uint64    // how many there were since,
	why    error     // and why the last of them was

	in      handover
	stop    chan struct{}
	stopped chan struct{}

	mu       sync.Mutex
	epoch    [16]byte
	segments []*segment // oldest first; the last one may be active
	next     uint64     // sequence number of the next record
	durable  uint64     // last synced record
	acked    uint64
	bytes    int64
	refused  uint64 // records refused since the epoch began
	damaged  uint64 // records lost to damage that readers met
	changed  chan struct{}
	ages     ages // of what is not acknowledged
	dirty    bool // the cursor has changed since it was saved
	closed   bool
}

// handover is the memory between those who put records and the writer.
type handover struct {
	mu      sync.Mutex
	buf     []byte // records, each behind its length as a varint
	count   uint32
	spare   []byte
	busy    bool   // the writer holds records that are not written yet
	refused uint64 // records that found no room here
	closed  bool
	wake    chan struct{}
}

// OpenSpool opens the spool in a directory, which is made if needed, and
// recovers what is in it. about makes the record that is put in place of
// records that a full spool refused.
func OpenSpool(cfg SpoolConfig, log *slog.Logger, now func() time.Time, about func(refused uint64) []byte) (*Spool, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("check spool: %w", err)
	}
	seal, err := openKey(cfg.KeyFile)
	if err != nil {
		return nil, err
	}
	s := &Spool{
		cfg: cfg, seal: seal, log: log, now: now, about: about, fsync: syncFile,
		stop: make(chan struct{}), stopped: make(chan struct{}), changed: make(chan struct{}),
	}
	s.in.wake = make(chan struct{}, 1)
	if err := s.recover(); err != nil {
		s.unlock()
		return nil, fmt.Errorf("open spool %s: %w", cfg.Dir, err)
	}
	go s.writeLoop()
	return s, nil
}

// maxRecord bounds one record.
const maxRecord = 4 << 20

// Put hands a record over to the writer and reports whether there was room. It
// copies the record, takes well under a microsecond, and never waits for the
// disk. What it refuses is counted.
func (s *Spool) Put(record []byte) bool {
	in := &s.in
	in.mu.Lock()
	if in.closed || len(record) == 0 || len(record) > maxRecord || int64(len(in.buf)+len(record)) > s.cfg.BufferBytes {
		in.refused++
		in.mu.Unlock()
		return false
	}
	in.buf = binary.AppendUvarint(in.buf, uint64(len(record)))
	in.buf = append(in.buf, record...)
	in.count++
	first := in.count == 1
	in.mu.Unlock()
	if first {
		select {
		case in.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// SpoolStats says what is in a spool.
type SpoolStats struct {
	Last    uint64 // sequence number of the last written record
	Durable uint64 // last synced record
	Acked   uint64
	Records uint64        // written and not acknowledged
	Bytes   int64         // on disk
	Age     time.Duration // of the oldest record that is not acknowledged, 0 for none
	Refused uint64        // records refused since the epoch began
	Damaged uint64        // records lost to damage on disk
}

// Stats returns the state of the spool.
func (s *Spool) Stats() SpoolStats {
	s.in.mu.Lock()
	waiting := s.in.refused
	s.in.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return SpoolStats{
		Last: s.next - 1, Durable: s.durable, Acked: s.acked, Records: s.next - 1 - min(s.acked, s.next-1),
		Bytes: s.bytes, Age: s.ages.oldest(s.now()), Refused: s.refused + waiting, Damaged: s.damaged,
	}
}

// Epoch names the sequence numbers of this spool.
func (s *Spool) Epoch() [16]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// Ack says that the server holds all records up to a sequence number. Segments
// that are not needed any more are removed. A number beyond the last record is
// refused with [ErrAhead].
func (s *Spool) Ack(sequence uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sequence >= s.next {
		return ErrAhead
	}
	if sequence <= s.acked {
		return nil
	}
	s.acked, s.dirty = sequence, true
	s.ages.acked(sequence)
	s.dropAcked()
	s.announce()
	return nil
}

// ErrAhead says that the server claims to hold records that the spool never
// wrote: the spool's directory was set back to an older state.
var ErrAhead = errors.New("server is ahead of the spool")

// Renew begins a new epoch, under which all unacknowledged records are sent
// again. It is the way out of [ErrAhead].
func (s *Spool) Renew() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	epoch, err := newEpoch(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("renew spool: %w", err)
	}
	s.epoch, s.refused = epoch, 0
	return nil
}

// Flush returns once every record put before is synced, or the context ends.
func (s *Spool) Flush(ctx context.Context) error {
	for {
		s.in.mu.Lock()
		waiting := s.in.busy || s.in.count > 0
		s.mu.Lock()
		done, changed := !waiting && s.durable+1 == s.next, s.changed
		s.mu.Unlock()
		s.in.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("flush spool: %w", ctx.Err())
		}
	}
}

// Drained returns once every record put before is acknowledged, or the context
// ends.
func (s *Spool) Drained(ctx context.Context) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	for {
		s.mu.Lock()
		done, changed := s.acked+1 >= s.next, s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("drain spool: %w", ctx.Err())
		}
	}
}

// Close writes and syncs what was put, and closes the files. Records put later
// are refused.
func (s *Spool) Close() error {
	s.in.mu.Lock()
	was := s.in.closed
	s.in.closed = true
	s.in.mu.Unlock()
	if was {
		return nil
	}
	close(s.stop)
	<-s.stopped
	err := s.keepCursor()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, seg := range s.segments {
		err = errors.Join(err, seg.close())
	}
	s.announce()
	s.unlock()
	if err != nil {
		return fmt.Errorf("close spool: %w", err)
	}
	return nil
}

// announce wakes all who wait for a change. s.mu is held.
func (s *Spool) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}
