package query

import (
	"fmt"
	"sync/atomic"
)

// Budget bounds what the pipes of one query may hold. The executions of its
// workers share one; all methods may be called concurrently.
type Budget struct {
	bytes, groups         int64
	usedBytes, usedGroups atomic.Int64
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
	if n > 0 && b.usedBytes.Add(n) > b.bytes {
		return &LimitError{What: "bytes", Max: b.bytes}
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
