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

// commits keeps the offsets of the consumers, and how far the log reached, in
// two small files that are written in turn. The one with the higher generation
// counts; a torn or damaged one costs a single commit and consumers see some
// records again. A file is overwritten in place, so that a commit, which is
// what frees space, needs none.
//
//	magic 4, length 4, sum 4 (CRC32C of the rest), generation 8, next 8,
//	then per consumer: offset 8, name length 2, name
type commits struct {
	fs fileSystem

	writing sync.Mutex // held for a whole save
	slot    int        // the file to write next
	exists  [2]bool    // files whose names are durable
	// generation is that of the last save.
	generation uint64

	mu        sync.Mutex
	consumers map[string]Offset
}

const (
	commitsMagic   = "GWC1"
	commitsHead    = 12
	commitsMax     = 64 << 10
	maxConsumers   = 256
	maxNameBytes   = 128
	commitsMinSize = 4096 // allocated at once, so that a few more consumers need no space
)

var commitsNames = [2]string{"commits.0", "commits.1"}

// loadCommits reads the newer of the two files and returns it with the highest
// offset the log is known to have reached. Problems are returned beside.
func loadCommits(fs fileSystem) (c *commits, next Offset, problems []error) {
	c = &commits{fs: fs, consumers: map[string]Offset{}}
	for i, name := range commitsNames {
		b, err := readCommits(fs, name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		c.exists[i] = true
		var generation uint64
		var reached Offset
		var consumers map[string]Offset
		if err == nil {
			generation, reached, consumers, err = parseCommits(b)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("read %s: %w", name, err))
			continue
		}
		next = max(next, reached)
		if generation >= c.generation {
			c.generation, c.consumers, c.slot = generation, consumers, 1-i
		}
	}
	return c, next, problems
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
func parseCommits(b []byte) (generation uint64, next Offset, consumers map[string]Offset, err error) {
	if len(b) < commitsHead || string(b[:4]) != commitsMagic {
		return 0, 0, nil, errCommits
	}
	length := int64(binary.LittleEndian.Uint32(b[4:]))
	if length < 16 || length > int64(len(b)-commitsHead) {
		return 0, 0, nil, errCommits
	}
	body := b[commitsHead : commitsHead+length]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[8:]) {
		return 0, 0, nil, errCommits
	}
	generation = binary.LittleEndian.Uint64(body)
	next = Offset(binary.LittleEndian.Uint64(body[8:]))
	consumers = map[string]Offset{}
	for body = body[16:]; len(body) > 0; {
		if len(body) < 10 {
			return 0, 0, nil, errCommits
		}
		n := 10 + int(binary.LittleEndian.Uint16(body[8:]))
		if n > len(body) {
			return 0, 0, nil, errCommits
		}
		consumers[string(body[10:n])] = Offset(binary.LittleEndian.Uint64(body))
		body = body[n:]
	}
	return generation, next, consumers, nil
}

func encodeCommits(generation uint64, next Offset, consumers map[string]Offset) []byte {
	b := make([]byte, commitsHead, commitsMinSize)
	b = binary.LittleEndian.AppendUint64(b, generation)
	b = binary.LittleEndian.AppendUint64(b, uint64(next))
	for _, name := range slices.Sorted(maps.Keys(consumers)) {
		b = binary.LittleEndian.AppendUint64(b, uint64(consumers[name]))
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

// set makes a consumer's offset durable; an empty name saves only next, how far
// the log reaches. On an error the former offset stands.
func (c *commits) set(consumer string, at, next Offset) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	consumers := maps.Collect(c.all())
	if consumer != "" {
		consumers[consumer] = at
	}
	if len(consumers) > maxConsumers || len(consumer) > maxNameBytes {
		return fmt.Errorf("commit offset of %.40q: more than %d consumers or %d bytes of name", consumer, maxConsumers, maxNameBytes)
	}
	if err := c.save(encodeCommits(c.generation+1, next, consumers)); err != nil {
		return fmt.Errorf("write %s: %w", commitsNames[c.slot], err)
	}
	c.generation++
	c.slot = 1 - c.slot
	c.mu.Lock()
	c.consumers = consumers
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

// all yields the consumers and their offsets at this moment.
func (c *commits) all() func(yield func(string, Offset) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.All(c.consumers) // never changed, only replaced
}

func (c *commits) of(consumer string) Offset {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.consumers[consumer]
}

// lowest returns the lowest offset of the named consumers, or of all if none
// are named. It is 0 while nobody has committed.
func (c *commits) lowest(names []string) Offset {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(names) == 0 {
		if len(c.consumers) == 0 {
			return 0
		}
		lowest := everything
		for _, at := range c.consumers {
			lowest = min(lowest, at)
		}
		return lowest
	}
	lowest := everything
	for _, name := range names {
		lowest = min(lowest, c.consumers[name])
	}
	return lowest
}

// highest returns the highest offset anyone committed.
func (c *commits) highest() Offset {
	var highest Offset
	for _, at := range c.all() {
		highest = max(highest, at)
	}
	return highest
}
