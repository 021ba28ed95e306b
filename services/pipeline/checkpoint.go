package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/vault"
)

// checkpoint is the state of the detectors before the record at an offset of
// the queue.
type checkpoint struct {
	offset     queue.Offset
	ruleset    string // fingerprint
	enrichment string // fingerprint
	state      []byte
	memory     []byte // of verdicts
}

// The file of a checkpoint: the magic, then offset, lengths of the fingerprint of
// the rules, of that of the enrichment data, of the state and of the memory as
// little-endian integers of 8, 2, 2, 8 and 8 bytes, the two fingerprints, state,
// memory, and the CRC32C of all before it.
const (
	checkpointMagic  = "GWDET\x00\x00\x03"
	checkpointHead   = len(checkpointMagic) + 8 + 2 + 2 + 8 + 8
	checkpointSuffix = ".state"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (c checkpoint) appendTo(b []byte) []byte {
	b = append(b, checkpointMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.offset))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(c.ruleset)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(c.enrichment)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(c.state)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(c.memory)))
	b = append(b, c.ruleset...)
	b = append(b, c.enrichment...)
	b = append(b, c.state...)
	b = append(b, c.memory...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

var errCheckpoint = errors.New("checkpoint is damaged")

func readCheckpoint(b []byte) (checkpoint, error) {
	if len(b) < checkpointHead+4 || string(b[:len(checkpointMagic)]) != checkpointMagic {
		return checkpoint{}, errCheckpoint
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return checkpoint{}, errCheckpoint
	}
	head := body[len(checkpointMagic):]
	c := checkpoint{offset: queue.Offset(binary.LittleEndian.Uint64(head))}
	rules, data := uint64(binary.LittleEndian.Uint16(head[8:])), uint64(binary.LittleEndian.Uint16(head[10:]))
	state, memory, rest := binary.LittleEndian.Uint64(head[12:]), binary.LittleEndian.Uint64(head[20:]), body[checkpointHead:]
	names, all := rules+data, uint64(len(rest))
	if names > all || state > all-names || memory != all-names-state {
		return checkpoint{}, errCheckpoint
	}
	c.ruleset, c.enrichment = string(rest[:rules]), string(rest[rules:names])
	c.state, c.memory = rest[names:names+state], rest[names+state:]
	return c, nil
}

// checkpoints is the folder they are kept in.
type checkpoints struct {
	dir     string
	keys    *vault.Ring // nil if there are none
	encrypt bool
}

func (d *checkpoints) path(offset queue.Offset) string {
	return filepath.Join(d.dir, fmt.Sprintf("%020d%s", offset, checkpointSuffix))
}

// save writes a checkpoint durably.
func (d *checkpoints) save(c checkpoint) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	b, err := d.sealed(c.offset, c.appendTo(nil))
	if err == nil {
		err = durable.WriteFile(d.path(c.offset), b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return nil
}

// offsets are those of the files there are, in rising order.
func (d *checkpoints) offsets() ([]queue.Offset, error) {
	files, err := os.ReadDir(d.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var all []queue.Offset
	for _, f := range files {
		digits, ok := strings.CutSuffix(f.Name(), checkpointSuffix)
		n, err := strconv.ParseUint(digits, 10, 64)
		if ok && err == nil {
			all = append(all, queue.Offset(n))
		}
	}
	return all, nil
}

// load reports what is damaged and returns the newest checkpoint at or before an
// offset that is whole, and false if there is none. All others are removed: those after it are of events
// that are to be made again, those before it are no longer needed.
func (d *checkpoints) load(limit queue.Offset, report func(error)) (c checkpoint, ok bool, err error) {
	all, err := d.offsets()
	if err != nil {
		return checkpoint{}, false, err
	}
	for _, offset := range slices.Backward(all) {
		if offset <= limit && !ok {
			b, err := os.ReadFile(d.path(offset))
			if err != nil {
				return checkpoint{}, false, fmt.Errorf("load checkpoint: %w", err)
			}
			if b, err = d.unsealed(offset, b); err != nil {
				return checkpoint{}, false, fmt.Errorf("load checkpoint: %w", err)
			}
			if c, err = readCheckpoint(b); err == nil && c.offset == offset {
				ok = true
				continue
			}
			report(fmt.Errorf("load checkpoint at offset %d: %w", offset, errCheckpoint))
		}
		if err := d.remove(offset); err != nil {
			return checkpoint{}, false, err
		}
	}
	return c, ok, nil
}

func (d *checkpoints) remove(offset queue.Offset) error {
	if err := os.Remove(d.path(offset)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove checkpoint: %w", err)
	}
	return nil
}
