package queue

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"time"
)

// segment is one file of the log. Its name holds all that is needed to read it,
// so no damaged byte takes more than a frame: "SERIAL-BASE-MARKER.seg".
// Serials only grow. A segment ends where the next one begins: frames with
// higher offsets are left over from a failed write and were never acknowledged.
type segment struct {
	serial uint64
	base   Offset // of the first record
	marker marker
	name   string
	f      file // open for writing; nil once the segment is closed

	reserved int64 // blocks are allocated up to here; only the committer uses it

	// Guarded by the mutex of the Disk.
	limit    Offset // one past the last record
	size     int64  // readable bytes: up to the last durable frame
	onDisk   int64  // bytes of the file, with what a failed write left behind
	modified time.Time
}

const segmentSuffix = ".seg"

func segmentName(serial uint64, base Offset, m marker) string {
	return fmt.Sprintf("%012d-%020d-%x%s", serial, base, m[:], segmentSuffix)
}

// parseSegmentName reads what segmentName writes. It reports false for any
// other name.
func parseSegmentName(name string) (*segment, bool) {
	const length = 12 + 1 + 20 + 1 + 16 + len(segmentSuffix)
	if len(name) != length || name[12] != '-' || name[33] != '-' || name[50:] != segmentSuffix {
		return nil, false
	}
	serial, err := strconv.ParseUint(name[:12], 10, 64)
	if err != nil {
		return nil, false
	}
	base, err := strconv.ParseUint(name[13:33], 10, 64)
	if err != nil || base == 0 {
		return nil, false
	}
	s := &segment{serial: serial, base: Offset(base), name: name}
	if _, err := hex.Decode(s.marker[:], []byte(name[34:50])); err != nil {
		return nil, false
	}
	return s, true
}

// createSegment makes an empty segment whose name is durable.
func createSegment(fs fileSystem, serial uint64, base Offset, now time.Time) (*segment, error) {
	s := &segment{serial: serial, base: base, limit: base, modified: now}
	if _, err := rand.Read(s.marker[:]); err != nil {
		return nil, fmt.Errorf("make segment marker: %w", err)
	}
	s.name = segmentName(serial, base, s.marker)
	f, err := fs.open(s.name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	if err := fs.syncDir(); err != nil {
		_ = f.Close()         // nothing was written
		_ = fs.remove(s.name) // an empty segment is harmless, so try only once
		return nil, fmt.Errorf("sync directory of segment: %w", err)
	}
	s.f = f
	return s, nil
}
