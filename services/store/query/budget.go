package query

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Budget bounds what the pipes of one query may hold. The executions of its
// workers share one; all methods may be called concurrently.
type Budget struct {
	bytes, groups         int64
	usedBytes, usedGroups atomic.Int64
	pool                  *Pool       // nil if the query runs alone
	large                 atomic.Bool // it has a place in the pool
}

// Pool lets only so many queries at once hold much memory, so that those of a
// process stay within a bound together. A query is refused as soon as it needs
// more than a small part of what it may have and there is no place, before it
// takes memory that others need to end. All methods may be called concurrently.
type Pool struct {
	mu    sync.Mutex
	taken int
	most  int
}

// smallPart is the part of its bytes that a query may hold without a place.
const smallPart = 16

// ErrBusy means that other queries hold the memory that a query needs. It may be
// asked again when they have ended.
var ErrBusy = errors.New("other queries take the memory for queries, try again later")

// NewPool makes a pool with places for that many large queries.
func NewPool(most int) *Pool { return &Pool{most: most} }

// Taken returns how many places are taken.
func (p *Pool) Taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}

// Budget makes a budget within the pool; the rest is as in [NewBudget]. Close
// gives its place back.
func (p *Pool) Budget(bytes int64, groups int) *Budget {
	b := NewBudget(bytes, groups)
	b.pool = p
	return b
}

// enter takes a place for a budget unless it has one, and reports whether it has.
func (p *Pool) enter(b *Budget) bool {
	if b.large.Load() {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !b.large.Load() && p.taken < p.most {
		p.taken++
		b.large.Store(true)
	}
	return b.large.Load()
}

// Close gives the place of an ended query back. The budget must not be used any
// more.
func (b *Budget) Close() {
	if b.large.Swap(false) {
		b.pool.mu.Lock()
		defer b.pool.mu.Unlock()
		b.pool.taken--
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

// take counts bytes that will be held; fewer than 0 are given back.
func (b *Budget) take(n int64) error {
	if n <= 0 {
		b.usedBytes.Add(n)
		return nil
	}
	switch own := b.usedBytes.Add(n); {
	case own > b.bytes:
		return &LimitError{What: "bytes", Max: b.bytes}
	case b.pool != nil && own > b.bytes/smallPart && !b.pool.enter(b):
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
	b.usedGroups.Add(-groups)
}
