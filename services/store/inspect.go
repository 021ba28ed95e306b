package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/services/store/segment"
)

// Inventory is what the segments of a store hold.
type Inventory struct {
	Applied uint64       // queue offsets below are in segments
	Streams []StreamInfo // by name
	Columns []ColumnInfo // the largest first
	Lost    []Lost       // what could not be mended, the oldest first
}

// StreamInfo is what the segments of a stream hold.
type StreamInfo struct {
	Name     string
	Segments int
	Rows     int64
	Bytes    int64
	Damaged  int           // blocks and segments that are known to be damaged
	From, To time.Time     // of the events; zero if that is not known
	Since    time.Time     // when the oldest of them was written
	MaxAge   time.Duration // how long it is kept; negative for ever
	MaxBytes int64         // 0 for no limit of its own
}

// ColumnInfo is what a column takes in all blocks.
type ColumnInfo struct {
	Name      string
	Bytes     int64 // with filters
	Filters   int64 // bytes of these
	Entries   int64
	Blocks    int
	Encodings []string // by how much they hold
}

// Inventory reads the directories of all blocks. Those that are damaged are left
// out.
func (s *Columnar) Inventory(ctx context.Context) (Inventory, error) {
	held, err := s.hold()
	if err != nil {
		return Inventory{}, err
	}
	defer releaseAll(held)
	inv := Inventory{Applied: s.Applied(), Lost: s.Lost()}
	columns := map[string]*columnSum{}
	for name, segments := range byStream(held) {
		inv.Streams = append(inv.Streams, s.streamInfo(name, segments))
		for _, f := range segments {
			if err := ctx.Err(); err != nil {
				return inv, err
			}
			for _, b := range f.blocks {
				addColumns(columns, b)
			}
		}
	}
	slices.SortFunc(inv.Streams, func(a, b StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range columns {
		inv.Columns = append(inv.Columns, c.info())
	}
	slices.SortFunc(inv.Columns, func(a, b ColumnInfo) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name))
	})
	return inv, nil
}

// hold returns the segments of the store, which stay readable until they are
// released.
func (s *Columnar) hold() ([]*segmentFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	for _, f := range s.segments {
		f.refs.Add(1)
	}
	return slices.Clone(s.segments), nil
}

func releaseAll(held []*segmentFile) {
	for _, f := range held {
		f.release()
	}
}

func (s *Columnar) streamInfo(name string, segments []*segmentFile) StreamInfo {
	i := StreamInfo{Name: name, Segments: len(segments)}
	i.MaxAge, i.MaxBytes = s.cfg.limits(name)
	lo, hi, since := int64(math.MaxInt64), int64(math.MinInt64), segments[0].since
	for _, f := range segments {
		i.Rows += f.info.Rows
		i.Bytes += f.info.Bytes
		i.Damaged += f.damaged + len(f.faulty)
		if f.unknown {
			since = min(since, f.since)
			continue
		}
		lo, hi, since = min(lo, f.info.MinT), max(hi, f.info.MaxT), min(since, f.since)
	}
	i.Since = time.Unix(0, since).UTC()
	if lo <= hi {
		i.From, i.To = time.Unix(0, lo).UTC(), time.Unix(0, hi).UTC()
	}
	return i
}

// columnSum adds up a column.
type columnSum struct {
	ColumnInfo
	encodings map[string]int64 // bytes
}

func addColumns(columns map[string]*columnSum, b *segment.Block) {
	all, err := b.Columns()
	if err != nil {
		return // verify says so
	}
	for _, c := range all {
		name := cmp.Or(c.Name, "(flattened fields)")
		sum := columns[name]
		if sum == nil {
			sum = &columnSum{ColumnInfo: ColumnInfo{Name: name}, encodings: map[string]int64{}}
			columns[name] = sum
		}
		sum.Bytes += int64(c.Bytes + c.FilterBytes)
		sum.Filters += int64(c.FilterBytes)
		sum.Entries += int64(c.Entries)
		sum.Blocks++
		sum.encodings[c.Encoding] += int64(c.Bytes)
	}
}

func (c *columnSum) info() ColumnInfo {
	for name := range c.encodings {
		c.Encodings = append(c.Encodings, name)
	}
	slices.SortFunc(c.Encodings, func(a, b string) int {
		return cmp.Or(cmp.Compare(c.encodings[b], c.encodings[a]), cmp.Compare(a, b))
	})
	return c.ColumnInfo
}

// Damage is a part of a store that cannot be read as it was written.
type Damage struct {
	File   string // in the folder of the store
	Stream string // "" if it is of none
	Block  int    // its number in the file, -1 if the part is of none
	Column string // "" if the part is of none
	Err    error
}

// Verified is what [Columnar.Verify] read.
type Verified struct {
	Segments, Blocks int
	Bytes            int64
	Damaged          int // parts that were reported
}

// Verify reads all segments, checks every checksum and calls report for each
// part that is damaged, and for each segment that was mended in part as long as its
// file is in the quarantine. progress, which may be nil, is called with the bytes
// read, of so many. An error is about the call, not about the store.
func (s *Columnar) Verify(ctx context.Context, report func(Damage), progress func(read, of int64)) (Verified, error) {
	var v Verified
	found := func(d Damage) {
		v.Damaged++
		report(d)
	}
	if _, err := readManifest(s.dir); err != nil && !errors.Is(err, errNoManifest) && !errors.Is(err, fs.ErrNotExist) {
		found(Damage{File: manifestName, Block: -1, Err: err})
	}
	for _, l := range s.Lost() {
		if l.Kept { // who has removed the file has taken note
			found(Damage{File: l.File, Stream: l.Stream, Block: -1, Err: l.err()})
		}
	}
	held, err := s.hold()
	if err != nil {
		return v, err
	}
	defer releaseAll(held)
	var of int64
	for _, f := range held {
		of += f.info.Bytes
	}
	for _, f := range held {
		if err := ctx.Err(); err != nil {
			return v, err
		}
		name := filepath.Base(f.path)
		if f.file == nil {
			found(Damage{File: name, Stream: f.info.Stream, Block: -1, Err: f.broken})
		} else {
			if err := verifyHead(f.file); err != nil {
				found(Damage{File: name, Stream: f.info.Stream, Block: -1, Err: err})
			}
			v.Blocks += segment.Verify(f.content, f.size, func(x segment.Fault) {
				found(Damage{name, f.info.Stream, x.Block, x.Column, x.Err})
			})
		}
		v.Segments++
		v.Bytes += f.info.Bytes
		if progress != nil {
			progress(v.Bytes, of)
		}
	}
	return v, nil
}
