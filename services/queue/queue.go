// Package queue is the durable log between the inputs and the pipeline. It
// holds raw records with their envelope, never parsed events, so that a mended
// parser can be run over old input again.
//
// An acknowledged record is a durable record: Append returns only after the
// bytes are safe (fdatasync on disk, acks=all on Kafka).
package queue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strconv"
)

// Offset is the position of a record in the log. Offsets are dense, start at 1
// and never go back; 0 means "before the first record".
type Offset uint64

// Epoch names the space in which sequence numbers of a sender are unique: 128
// random bits made when a spool, a tracked file or a receiver is created. A
// reinstalled node or a reused inode gets a new epoch and so cannot collide.
type Epoch [16]byte

// String returns the epoch as 32 hexadecimal digits.
func (e Epoch) String() string { return hex.EncodeToString(e[:]) }

// ParseEpoch reads what [Epoch.String] writes.
func ParseEpoch(s string) (Epoch, error) {
	var e Epoch
	if len(s) != 2*len(e) {
		return e, fmt.Errorf("parse epoch: want %d hexadecimal digits, have %d", 2*len(e), len(s))
	}
	if _, err := hex.Decode(e[:], []byte(s)); err != nil {
		return e, fmt.Errorf("parse epoch: %w", err)
	}
	return e, nil
}

// Record is one raw record as it arrived. The bytes of Raw are never changed
// while it is in the queue.
type Record struct {
	ID       string // the sender's own id; empty where Epoch and Seq name the record
	Seq      uint64 // position in the epoch of the group
	Received int64  // Unix time in nanoseconds
	Raw      []byte
	Cut      bool // the record was longer than its input takes: Raw lacks its end
}

// Group is a run of records that share one envelope.
type Group struct {
	Source  string // enrolled node, token name, or input name; never a connection
	Format  string // name of a parser, or "auto"
	Peer    string // network address of the sender without its port, if known
	Header  string // what the records need to be understood and do not hold, such as a #Fields line
	Epoch   Epoch
	Parser  uint32 // version of the parsers that first read the group
	Records []Record
}

// EventID is the event.id of a record: the sender's own id, else the text of
// (epoch, sequence). Together with the source it is unique.
func (g *Group) EventID(r *Record) string {
	if r.ID != "" {
		return r.ID
	}
	return string(g.AppendEventID(make([]byte, 0, 2*len(g.Epoch)+1+20), r))
}

// AppendEventID appends what [Group.EventID] returns.
func (g *Group) AppendEventID(dst []byte, r *Record) []byte {
	if r.ID != "" {
		return append(dst, r.ID...)
	}
	dst = hex.AppendEncode(dst, g.Epoch[:])
	dst = append(dst, '-')
	return strconv.AppendUint(dst, r.Seq, 10)
}

// Batch is what a reader gets at once: groups in order of their offsets. The
// record i of the batch, counted over its groups, has offset First+i.
type Batch struct {
	First  Offset
	Next   Offset // the offset after the last record
	Groups []Group
}

// GapError says that records of the log cannot be read: damaged on disk, or cut
// before they were read. Reading goes on after the gap.
type GapError struct {
	From, To Offset // the lost records are From <= offset < To
	Reason   string
}

func (e *GapError) Error() string {
	return fmt.Sprintf("read queue: records %d to %d are lost: %s", e.From, e.To-1, e.Reason)
}

var (
	// ErrFull means that the queue refuses input before its disk is full.
	// Nothing of the call was kept; the sender should try again later.
	ErrFull = errors.New("queue is full")
	// ErrNoSpace is an ErrFull whose cause is the disk: it has less free space than
	// the queue leaves alone.
	ErrNoSpace = fmt.Errorf("%w: the disk is short of free space", ErrFull)
	// ErrTooLarge means that one call holds more than the queue takes at once.
	ErrTooLarge = errors.New("record group is too large")
	// ErrClosed means that the queue was closed.
	ErrClosed = errors.New("queue is closed")
)

// Queue is a durable log of records with several readers.
type Queue interface {
	// Append adds groups in order and returns the offset of the first record
	// once all of them are durable. On an error none of the records is
	// acknowledged: either none is in the log, or (after a failed sync, whose
	// outcome no program can know) the caller sends them again under the same
	// identity. Append keeps the groups but copies the raw bytes, and lets each Raw
	// be its copy, so that the caller may use the memory again in which they were.
	// The groups must not be changed afterwards. It may be called concurrently;
	// concurrent calls share one sync.
	Append(ctx context.Context, groups []Group) (Offset, error)
	// Batches yields the log from an offset on (1, or 0, is the oldest record
	// still kept), waits at its end for more, and ends with ctx. An error of
	// type *GapError is followed by more batches; any other error is the last.
	// A yielded batch belongs to the queue: readers must not change it.
	Batches(ctx context.Context, from Offset) iter.Seq2[Batch, error]
	// Commit says durably that a consumer needs nothing before next. The log is
	// cut at the lowest committed offset of all consumers.
	Commit(ctx context.Context, consumer string, next Offset) error
	// Committed returns what the consumer committed last, 0 if nothing.
	Committed(consumer string) Offset
	// Close makes all appended records durable and releases the files.
	// Appends under way end first; later ones return ErrClosed.
	Close() error
}
