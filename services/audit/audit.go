// Package audit keeps the tamper-evident log of what people and the server do: a
// Merkle tree in the tile format of C2SP tlog-tiles, whose every batch of leaves
// is signed. FORMAT.md describes its files.
package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"

	"github.com/gatewatch/gatewatch/services/durable"
)

// Dir is the folder of the log in a data folder.
const Dir = "audit"

// Errors of a log, tested with errors.Is.
var (
	// ErrDamaged means that the files of the log are not what was signed.
	ErrDamaged = errors.New("audit log is damaged")
	// ErrClosed means that the log was closed.
	ErrClosed = errors.New("audit log is closed")
)

// Log is an audit log that can be written to. Its methods may be called
// concurrently, also by several processes on one folder.
type Log struct {
	dir      string
	now      func() time.Time
	signer   note.Signer
	verifier note.Verifier
	lock     *os.File
	made     bool

	mu       sync.Mutex
	waiting  []*request
	writing  bool // a goroutine writes what waits
	closed   bool
	writer   sync.WaitGroup
	place    *place // nil: to be read again; used by the writer alone
	truncate error  // set while what failed could not be taken back
}

// request is a leaf that waits to be written.
type request struct {
	leaf  []byte
	index int64
	err   error
	done  chan struct{}
}

// Open opens the log in a folder, or makes it. ErrDamaged means that nothing can
// be added to what is there; see [SetAside].
func Open(dir string, now func() time.Time) (*Log, error) {
	l := &Log{dir: dir, now: now}
	if err := l.open(); err != nil {
		if l.lock != nil {
			l.lock.Close()
		}
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	return l, nil
}

func (l *Log) open() (err error) {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	if l.lock, err = os.OpenFile(filepath.Join(l.dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	unlock, err := l.acquire()
	if err != nil {
		return err
	}
	defer unlock()
	if l.made, err = l.begin(); err != nil {
		return err
	}
	if l.signer, err = signerOf(l.dir); err != nil {
		return missing(err)
	}
	if l.verifier, err = verifierOf(filepath.Join(l.dir, publicFile)); err != nil {
		return missing(err)
	}
	l.place, err = load(l.dir, l.verifier)
	return err
}

// begin makes the files of a new log. What a crash left of that is made anew:
// the checkpoint comes last.
func (l *Log) begin() (made bool, err error) {
	for _, name := range []string{checkpointFile, "tile"} {
		if _, err := os.Stat(filepath.Join(l.dir, name)); !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
	}
	if b, err := readTail(l.dir); err == nil && len(b) > tailHead {
		return false, nil // a log whose checkpoint is gone
	}
	if err := makeKeys(l.dir); err != nil {
		return false, err
	}
	s, err := signerOf(l.dir)
	if err != nil {
		return false, err
	}
	if err := create(l.dir, s); err != nil {
		return false, err
	}
	return true, durable.SyncDir(filepath.Dir(l.dir))
}

// acquire takes the turn among the processes that write.
func (l *Log) acquire() (unlock func(), err error) {
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Flock(int(l.lock.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return nil, fmt.Errorf("lock audit log: %w", err)
	}
	return func() { _ = unix.Flock(int(l.lock.Fd()), unix.LOCK_UN) }, nil
}

// Made tells whether Open has made the log.
func (l *Log) Made() bool { return l.made }

// Append adds a leaf with the time of now and returns its index once it is
// durable and signed. On an error the leaf is not in the log, and what it tells
// of must not be done. It does not end early with ctx once it has begun.
func (l *Log) Append(ctx context.Context, leaf Leaf) (index int64, err error) {
	leaf.Time = l.now().UTC()
	text, err := leaf.encode()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return 0, fmt.Errorf("append to audit log: %w", err)
	}
	r := &request{leaf: text, done: make(chan struct{})}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return 0, ErrClosed
	}
	l.waiting = append(l.waiting, r)
	if !l.writing {
		l.writing = true
		l.writer.Go(l.write)
	}
	l.mu.Unlock()
	<-r.done
	if r.err != nil {
		return 0, fmt.Errorf("append to audit log: %w", r.err)
	}
	return r.index, nil
}

// Close waits for the leaves under way.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.writer.Wait()
	if l.place != nil {
		l.place.tail.Close()
		l.place = nil
	}
	return l.lock.Close()
}

// write writes what waits, in batches, until nothing does.
func (l *Log) write() {
	for {
		l.mu.Lock()
		batch := l.waiting
		if len(batch) == 0 {
			l.writing = false
			l.mu.Unlock()
			return
		}
		l.waiting = nil
		l.mu.Unlock()
		for len(batch) > 0 {
			batch = batch[l.turn(batch):]
		}
	}
}

// turn writes the first of the requests and answers them. It returns how many.
func (l *Log) turn(all []*request) int {
	n, err := len(all), l.truncate
	if err == nil {
		n, err = l.commit(all)
	}
	for _, r := range all[:n] {
		r.err = err
		close(r.done)
	}
	return n
}

// commit writes the first of the requests as one batch. On an error those that
// it returns the number of have failed.
func (l *Log) commit(all []*request) (int, error) {
	unlock, err := l.acquire()
	if err != nil {
		return len(all), err
	}
	defer unlock()
	if err := l.catchUp(); err != nil {
		return len(all), err
	}
	p := l.place
	n, size := 0, 0
	for n < len(all) && n < width-len(p.leaves) && size < maxBatch {
		size += len(all[n].leaf)
		n++
	}
	t := p.tree.clone()
	var leaves [][]byte
	var hashes []tlog.Hash
	for _, r := range all[:n] {
		h := tlog.RecordHash(r.leaf)
		r.index = t.size
		t.add(h)
		leaves, hashes = append(leaves, r.leaf), append(hashes, h)
	}
	signed, err := sign(t, l.signer)
	if err != nil {
		return n, err
	}
	frame := appendBatch(nil, leaves, hashes, signed)
	if err := l.save(frame, signed); err != nil {
		return n, errors.Join(err, l.takeBack())
	}
	p.tree, p.checkpoint = t, signed
	p.leaves = append(p.leaves, leaves...)
	p.end += int64(len(frame))
	return n, nil
}

// save makes a batch durable, then the checkpoint that has it.
func (l *Log) save(frame, signed []byte) error {
	p := l.place
	if _, err := p.tail.WriteAt(frame, p.end); err != nil {
		return err
	}
	if err := p.tail.Sync(); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(l.dir, checkpointFile), signed, 0o600)
}

// takeBack removes a batch that was not acknowledged, and lets the next turn read
// the log again. If it cannot be removed nothing is written any more: a batch
// behind it would acknowledge it.
func (l *Log) takeBack() error {
	p := l.place
	l.place = nil
	defer p.tail.Close()
	err := p.tail.Truncate(p.end)
	if err == nil {
		err = p.tail.Sync()
	}
	if err == nil { // a new checkpoint may be there though its writing failed
		err = durable.WriteFile(filepath.Join(l.dir, checkpointFile), p.checkpoint, 0o600)
		if current, readErr := readBounded(filepath.Join(l.dir, checkpointFile), maxNote); err != nil && readErr == nil && bytes.Equal(current, p.checkpoint) {
			err = nil // a full disk: the old one is still there
		}
	}
	if err != nil {
		l.truncate = fmt.Errorf("%w: a batch that failed cannot be taken back: %w", ErrDamaged, err)
	}
	return err
}

// catchUp makes the place that of the files: another process may have written,
// and a bundle may wait to be finished.
func (l *Log) catchUp() error {
	if p := l.place; p != nil {
		now, err := readBounded(filepath.Join(l.dir, checkpointFile), maxNote)
		if err != nil {
			return missing(err)
		}
		if !bytes.Equal(now, p.checkpoint) {
			p.tail.Close()
			l.place = nil
		}
	}
	if l.place == nil {
		p, err := load(l.dir, l.verifier)
		if err != nil {
			return err
		}
		l.place = p
	}
	if l.place.torn > 0 {
		if err := l.place.tail.Truncate(l.place.end); err != nil {
			return err
		}
		l.place.torn = 0
	}
	if len(l.place.leaves) < width {
		return nil
	}
	return l.finish()
}

// finish writes the bundle of a full tail with its tiles, and begins a new tail.
// A crash in between is no harm: the same is written again.
func (l *Log) finish() error {
	p := l.place
	first := p.tree.size - width
	t, err := treeOf(l.dir, first)
	if err != nil {
		return missing(err)
	}
	var entries []byte
	var full []tile
	for _, leaf := range p.leaves {
		entries = appendEntry(entries, leaf)
		full = append(full, t.add(tlog.RecordHash(leaf))...)
	}
	signed, err := sign(t, l.signer)
	if err != nil {
		return err
	}
	if err := writeNumbered(l.dir, numbered(entriesDir, first/width), entries); err != nil {
		return err
	}
	for _, x := range full {
		if err := writeNumbered(l.dir, numbered(tileDir(x.level), x.index), appendHashes(nil, x.hashes)); err != nil {
			return err
		}
	}
	if err := writeNumbered(l.dir, numbered(signedDir, first/width), signed); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(l.dir, tailFile), newTail(p.tree.size), 0o600); err != nil {
		return err
	}
	p.tail.Close()
	l.place = nil
	l.place, err = load(l.dir, l.verifier)
	return err
}
