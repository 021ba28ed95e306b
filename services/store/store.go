// Package store keeps events and answers questions about them. The embedded
// store ([Open]) holds them in columnar segments of its own format (FORMAT.md);
// the contract that every store passes is in package storetest.
//
// The queue is the write-ahead log: a store need not make an event durable by
// itself, it only says in [Columnar.Applied] from where the queue must be
// replayed after a crash.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// Store keeps events and finds them again. All methods may be called
// concurrently; no reader makes a writer wait.
type Store interface {
	// Write adds the events of a queue range and returns once they can be
	// found. It copies what it keeps: the batch may be reused afterwards. A
	// range that was stored before is skipped, so a replay stores nothing twice.
	// ErrFull means that nothing was stored and that the same batch will be
	// taken once there is room.
	Write(ctx context.Context, b Batch) error
	// Search yields the matching events, newest first by (@timestamp, event.id,
	// gatewatch.source) unless the query sorts. The yielded event is valid
	// during the call only; an error that yield returns ends the search and is
	// returned. A result cut short by a limit of time or memory, or by a
	// damaged block, is no error: Page.Stats says so. Bounded memory: without a
	// sort any number of events is streamed.
	Search(ctx context.Context, r SearchRequest, yield func(*event.Event) error) (Page, error)
	// Aggregate answers a query that ends in a table (stats, top, rare, …).
	Aggregate(ctx context.Context, r AggregateRequest) (*query.Table, Stats, error)
	// Tail returns what follows the matching events that are written from now
	// on. It holds nothing until it is called.
	Tail(q *query.Query) Follow
	// Close makes what was written durable where it can and releases the
	// files. Running calls end first or return ErrClosed.
	Close() error
}

// Follow yields matching events as they are written, in the order of the queue,
// until ctx ends or yield returns an error. A reader that falls too far behind
// misses events: the number missed is handed over with the next event, which is
// valid during the call only. It is called once.
type Follow func(ctx context.Context, yield func(e *event.Event, missed int) error) error

// Batch is a run of events with the range of queue offsets that they were made
// from.
type Batch struct {
	Events      []event.Event
	First, Next uint64 // queue offsets First <= o < Next; equal ones name no range
	// Offsets are those of the events, in rising order: a record may give no event
	// or several. nil means that each offset gave one event, and that a finding
	// (event.dataset gatewatch.finding) is of the event before it; or none at all.
	Offsets []uint64
}

// SearchRequest asks for events. The query must not end in a table.
type SearchRequest struct {
	Query     *query.Query
	From, To  time.Time // From <= @timestamp < To; a zero time is no bound
	PageSize  int       // most events of this call; 0 has no bound but the query's own limit
	PageToken string    // Page.NextToken of the page before, for the same query
}

// AggregateRequest asks for a table.
type AggregateRequest struct {
	Query    *query.Query
	From, To time.Time // From <= @timestamp < To; a zero time is no bound
}

// Page says how a search ended.
type Page struct {
	NextToken string // asks for the page after this one; "" if there is none
	Stats     Stats
}

// Stats says what a query read, and whether its answer is whole.
type Stats struct {
	Segments      int           // segments in the time range
	Blocks        int           // blocks in these segments
	BlocksRead    int           // blocks that zone maps and filters could not rule out
	RowsRead      int64         // rows of the blocks that were read
	RowsMatched   int64         // rows that matched, as far as they were counted
	BytesRead     int64         // bytes read from files; about, while other queries run
	BlocksDamaged int           // blocks left out because a checksum did not hold
	Duration      time.Duration // time the query took
	Partial       []string      // why the answer is not whole; empty if it is
	Notes         []string      // what may be wrong with the query; the answer is whole
}

// Errors of stores, tested with errors.Is.
var (
	// ErrFull means that the store refuses events before its disk is full.
	ErrFull = errors.New("store is full")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("store is closed")
	// ErrPageToken means that a page token is not one of this store and query.
	ErrPageToken = errors.New("page token is not valid here")
	// ErrReadOnly means that the store was opened only for reading.
	ErrReadOnly = errors.New("store is open for reading only")
)
