package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/queue"
)

// Announcer says by control records which version of something that events or
// detection depend on is in use, and remembers in a file which one it said last.
// Its methods may be called concurrently.
type Announcer struct {
	path    string
	queue   queue.Queue
	now     func() time.Time
	control func(version string) Control
	epoch   queue.Epoch

	mu      sync.Mutex
	current string
	settled bool // false where it is not known whether that record is in the queue
	seq     uint64
}

// settledMark ends the file of the version once its control record is durable.
const settledMark = "\n"

// OpenAnnouncer reads what was announced last. control makes the record that
// announces a version. Without a queue nothing can be announced.
func OpenAnnouncer(path string, q queue.Queue, now func() time.Time, control func(version string) Control) (*Announcer, error) {
	a := &Announcer{path: path, queue: q, now: now, control: control}
	if _, err := rand.Read(a.epoch[:]); err != nil {
		return nil, fmt.Errorf("open announcements: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open announcements: %w", err)
	}
	a.current, a.settled = strings.CutSuffix(string(text), settledMark)
	return a, nil
}

// Current is the version that was announced last, "" if none was.
func (a *Announcer) Current() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current
}

// Settled tells whether a version is surely the one that is in use.
func (a *Announcer) Settled(version string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.settled && a.current == version
}

// Announce puts a version in use from the next record on, unless it is. What it
// names must be durable. An error leaves open whether the record is in the
// queue; the next call says it again.
func (a *Announcer) Announce(ctx context.Context, version string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.settled && a.current == version {
		return nil
	}
	if err := durable.WriteFile(a.path, []byte(version), 0o600); err != nil {
		return fmt.Errorf("announce %s: %w", version, err)
	}
	a.settled = false
	a.seq++
	if err := AppendControl(ctx, a.queue, a.epoch, a.seq, a.now(), a.control(version)); err != nil {
		return err
	}
	a.current = version
	if err := durable.WriteFile(a.path, []byte(version+settledMark), 0o600); err != nil {
		return fmt.Errorf("announce %s: %w", version, err)
	}
	a.settled = true
	return nil
}
