package query

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// Budget bounds what the pipes of one query may hold. The executions of its
// workers share one; all methods may be called concurrently.
type Budget struct {
	bytes, groups         int64
	usedBytes, usedGroups atomic.Int64
	pool                  *Pool // nil if it is shared with no other query
}

// Pool is memory that the queries of a process share beside the bounds that each
// of them has. Its methods may be called concurrently.
type Pool struct {
	bytes int64
	used  atomic.Int64
}

// ErrBusy means that other queries hold the memory that a query needs. It may be
// asked again when they have ended.
var ErrBusy = errors.New("other queries take the memory for queries, try again later")

// NewPool makes a pool of so many bytes.
func NewPool(bytes int64) *Pool { return &Pool{bytes: bytes} }

// Used returns the bytes that are held by all queries.
func (p *Pool) Used() int64 { return p.used.Load() }

// Budget makes a budget within the pool; the rest is as in [NewBudget]. Close
// gives its bytes back.
func (p *Pool) Budget(bytes int64, groups int) *Budget {
	b := NewBudget(bytes, groups)
	b.pool = p
	return b
}

// Close gives the bytes of an ended query back to its pool. The budget must not
// be used any more.
func (b *Budget) Close() {
	if b.pool != nil {
		b.pool.used.Add(-b.usedBytes.Swap(0))
	}
}

// The default bounds of a query.
const (
	DefaultBytes  = 512 << 20
	DefaultGroups = 1_000_000
)

// NewBudget makes a budget of so many bytes and groups; 0 stands for the default.
func NewBudget(bytes int64, groups int) *Budget {
	b := &Budget{bytes: bytes, groups: int64(groups)}
	if b.bytes <= 0 {
		b.bytes = DefaultBytes
	}
	if b.groups <= 0 {
		b.groups = DefaultGroups
	}
	return b
}

// Used returns the bytes that are held, as far as they are counted.
func (b *Budget) Used() int64 { return b.usedBytes.Load() }

// LimitError says that a query would hold more than its budget. No part of an
// answer is given then.
type LimitError struct {
	What string // bytes, groups or combinations
	Max  int64
}

// Error says what to do.
func (e *LimitError) Error() string {
	switch e.What {
	case "bytes":
		return fmt.Sprintf("query needs more than %d MiB: narrow the time range or the filter, or group by fewer fields", e.Max>>20)
	case "groups":
		return fmt.Sprintf("query makes more than %d groups: narrow the filter, group by fewer fields or by wider buckets", e.Max)
	}
	return fmt.Sprintf("one event belongs to more than %d groups: group by fewer lists", e.Max)
}

// take counts bytes that will be held.
func (b *Budget) take(n int64) error {
	if n <= 0 {
		return nil
	}
	own := b.usedBytes.Add(n)
	busy := b.pool != nil && b.pool.used.Add(n) > b.pool.bytes
	switch {
	case own > b.bytes:
		return &LimitError{What: "bytes", Max: b.bytes}
	case busy:
		return ErrBusy
	}
	return nil
}

// group counts a group.
func (b *Budget) group() error {
	if b.usedGroups.Add(1) > b.groups {
		return &LimitError{What: "groups", Max: b.groups}
	}
	return nil
}

// release gives back what was merged away.
func (b *Budget) release(bytes, groups int64) {
	b.usedBytes.Add(-bytes)
	if b.pool != nil {
		b.pool.used.Add(-bytes)
	}
	b.usedGroups.Add(-groups)
}
