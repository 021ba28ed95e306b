package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"slices"
	"sync"
)

// commits keeps the offsets of the consumers, and the bounds of the log, in two
// small files that are written in turn. The one with the higher generation
// counts; a torn or damaged one costs a single commit and consumers see some
// records again. A file is overwritten in place, so that a commit, which is
// what frees space, needs none.
//
//	magic 4, length 4, sum 4 (CRC32C of the rest), generation 8, next 8,
//	cut 8, then per consumer: offset 8, name length 2, name
type commits struct {
	fs fileSystem

	writing sync.Mutex // held for a whole save
	slot    int        // the file to write next
	exists  [2]bool    // files whose names are durable

	mu    sync.Mutex
	saved ledger
}

// ledger is the content of a commits file. A saved one is never changed.
type ledger struct {
	generation uint64
	next       Offset // how far the log reached at least
	cut        Offset // records before this one were cut on purpose; 0 if unknown
	consumers  map[string]Offset
}

const (
	commitsMagic   = "GWC1"
	commitsHead    = 12
	commitsFixed   = 24
	commitsMax     = 64 << 10
	maxConsumers   = 256
	maxNameBytes   = 128
	commitsMinSize = 4096 // allocated at once, so that a few more consumers need no space
)

var commitsNames = [2]string{"commits.0", "commits.1"}

// loadCommits reads both files and keeps the newer. Problems are returned
// beside it.
func loadCommits(fs fileSystem) (c *commits, problems []error) {
	c = &commits{fs: fs, saved: ledger{consumers: map[string]Offset{}}}
	var next Offset
	for i, name := range commitsNames {
		b, err := readCommits(fs, name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		c.exists[i] = true
		var l ledger
		if err == nil {
			l, err = parseCommits(b)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("read %s: %w", name, err))
			continue
		}
		next = max(next, l.next)
		if l.generation >= c.saved.generation {
			c.saved, c.slot = l, 1-i
		}
	}
	c.saved.next = next
	return c, problems
}

func readCommits(fs fileSystem, name string) ([]byte, error) {
	f, err := fs.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	b := make([]byte, commitsMax)
	n, err := readFull(f, b, 0)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return b[:n], err
}

var errCommits = errors.New("damaged consumer offsets")

// parseCommits reads what encode writes.
func parseCommits(b []byte) (ledger, error) {
	if len(b) < commitsHead || string(b[:4]) != commitsMagic {
		return ledger{}, errCommits
	}
	length := int64(binary.LittleEndian.Uint32(b[4:]))
	if length < commitsFixed || length > int64(len(b)-commitsHead) {
		return ledger{}, errCommits
	}
	body := b[commitsHead : commitsHead+length]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[8:]) {
		return ledger{}, errCommits
	}
	l := ledger{
		generation: binary.LittleEndian.Uint64(body),
		next:       Offset(binary.LittleEndian.Uint64(body[8:])),
		cut:        Offset(binary.LittleEndian.Uint64(body[16:])),
		consumers:  map[string]Offset{},
	}
	for body = body[commitsFixed:]; len(body) > 0; {
		if len(body) < 10 {
			return ledger{}, errCommits
		}
		n := 10 + int(binary.LittleEndian.Uint16(body[8:]))
		if n > len(body) {
			return ledger{}, errCommits
		}
		l.consumers[string(body[10:n])] = Offset(binary.LittleEndian.Uint64(body))
		body = body[n:]
	}
	return l, nil
}

func (l ledger) encode() []byte {
	b := make([]byte, commitsHead, commitsMinSize)
	b = binary.LittleEndian.AppendUint64(b, l.generation)
	b = binary.LittleEndian.AppendUint64(b, uint64(l.next))
	b = binary.LittleEndian.AppendUint64(b, uint64(l.cut))
	for _, name := range slices.Sorted(maps.Keys(l.consumers)) {
		b = binary.LittleEndian.AppendUint64(b, uint64(l.consumers[name]))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
		b = append(b, name...)
	}
	copy(b, commitsMagic)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-commitsHead))
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b[commitsHead:], castagnoli))
	if len(b) < commitsMinSize {
		b = b[:commitsMinSize]
	}
	return b
}

// set makes a consumer's offset durable, and that the log holds the records
// from oldest on to next. On an error the former state stands.
func (c *commits) set(consumer string, at, oldest, next Offset) error {
	return c.update(func(l *ledger) error {
		l.consumers = maps.Clone(l.consumers)
		l.consumers[consumer] = at
		if len(l.consumers) > maxConsumers || len(consumer) > maxNameBytes {
			return fmt.Errorf("commit offset of %.40q: more than %d consumers or %d bytes of name", consumer, maxConsumers, maxNameBytes)
		}
		l.bound(oldest, next)
		return nil
	})
}

// bound makes durable that the log holds the records from oldest on to next.
func (c *commits) bound(oldest, next Offset) error {
	return c.update(func(l *ledger) error {
		l.bound(oldest, next)
		return nil
	})
}

// cutTo makes durable that the records before cut are about to be removed.
func (c *commits) cutTo(cut Offset) error {
	return c.update(func(l *ledger) error {
		l.cut = max(l.cut, cut)
		return nil
	})
}

func (l *ledger) bound(oldest, next Offset) {
	if l.cut == 0 {
		l.cut = oldest
	}
	l.next = max(l.next, next)
}

// update saves a changed copy of the ledger.
func (c *commits) update(change func(*ledger) error) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	l := c.state()
	if err := change(&l); err != nil {
		return err
	}
	l.generation++
	if err := c.save(l.encode()); err != nil {
		return fmt.Errorf("write %s: %w", commitsNames[c.slot], err)
	}
	c.slot = 1 - c.slot
	c.mu.Lock()
	c.saved = l
	c.mu.Unlock()
	return nil
}

// save writes the slot whose content is the older one. After an error the same
// slot is written again, through a new file, so the newer one stays whole.
func (c *commits) save(b []byte) error {
	f, err := c.fs.open(commitsNames[c.slot], os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	_, err = f.writev([][]byte{b}, 0)
	if err == nil {
		err = f.sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && !c.exists[c.slot] {
		err = c.fs.syncDir()
		c.exists[c.slot] = err == nil
	}
	return err
}

// state returns the ledger as last saved; its map must not be changed.
func (c *commits) state() ledger {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saved
}

// lowest returns the lowest offset of the named consumers, or of all if none
// are named. It is 0 while nobody has committed.
func (l ledger) lowest(names []string) Offset {
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(l.consumers))
	}
	if len(names) == 0 {
		return 0
	}
	lowest := l.consumers[names[0]]
	for _, name := range names[1:] {
		lowest = min(lowest, l.consumers[name])
	}
	return lowest
}

// highest returns the highest offset anyone committed.
func (l ledger) highest() Offset {
	var highest Offset
	for _, at := range l.consumers {
		highest = max(highest, at)
	}
	return highest
}
