package segment

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// A segment is a header, blocks with filter tables between them, and a footer that
// names both.
const (
	fileMagic    = "GWSEGMT1"
	footerMagic  = "GWSEGEND"
	fileHeader   = 64 // magic, version (4 bytes), flags (4, reserved), zeros, checksum (4)
	fileTrailer  = 16 // length of the footer (4), its checksum (4), magic
	fileVersion  = 2  // 1 has no filter tables
	maxFooter    = 64 << 20
	maxFileBytes = 1 << 40

	maxStreamName = 1 << 10
)

// Info says what a segment holds.
type Info struct {
	First, Next uint64 // queue offsets First <= o < Next whose events it holds
	Rows        int64
	MinT, MaxT  int64 // bounds of the event times
	Written     int64 // when the newest of its events was stored, Unix nanoseconds
	Bytes       int64 // of the file

	Stream string // whose events it holds
	// Parts is the number of segments, of several streams, that were written at
	// one time for the same queue range; 0 for a merged one.
	Parts uint64
}

// Writer writes one segment. It neither syncs nor closes what it writes to.
type Writer struct {
	w       *bufio.Writer
	off     int64
	footer  []byte
	blocks  int
	tabling tabling
	tables  int
	// described is what the footer says of the tables.
	described []byte
	origins   []origin
	info      Info
}

// NewWriter begins a segment.
func NewWriter(w io.Writer) (*Writer, error) {
	s := &Writer{w: bufio.NewWriterSize(w, 256<<10)}
	h := append(make([]byte, 0, fileHeader), fileMagic...)
	h = binary.LittleEndian.AppendUint32(h, fileVersion)
	h = append(h, make([]byte, fileHeader-4-len(h))...)
	h = binary.LittleEndian.AppendUint32(h, checksum(h))
	return s, s.write(h)
}

func (s *Writer) write(p []byte) error {
	n, err := s.w.Write(p)
	s.off += int64(n)
	if err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	return nil
}

// AddBlock appends the block that [Sealer.Seal] made, or that another segment
// holds: blocks are copied as they are.
func (s *Writer) AddBlock(b *Block) error {
	s.footer = binary.AppendUvarint(s.footer, uint64(s.off))
	s.footer = binary.AppendUvarint(s.footer, uint64(b.size))
	if s.blocks == 0 {
		s.info.MinT, s.info.MaxT = b.minT, b.maxT
	}
	s.info.MinT, s.info.MaxT = min(s.info.MinT, b.minT), max(s.info.MaxT, b.maxT)
	s.info.Rows += int64(b.rows)
	s.blocks++
	s.origins = append(s.origins, b.origin)
	n, err := io.CopyN(s.w, io.NewSectionReader(b.src, b.off, b.size), b.size)
	s.off += n
	if err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	if err := s.tabling.add(b); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	if s.tabling.full() {
		return s.table()
	}
	return nil
}

// Rows returns the number of rows of the blocks added.
func (s *Writer) Rows() int64 { return s.info.Rows }

// Finish writes the footer and returns what the segment holds. Of i it takes what
// blocks do not tell: queue range, stream, parts and when it was written. The
// segment must have a block.
func (s *Writer) Finish(i Info) (Info, error) {
	if err := s.table(); err != nil {
		return Info{}, err
	}
	i.Rows, i.MinT, i.MaxT = s.info.Rows, s.info.MinT, s.info.MaxT
	s.info = i
	f := binary.LittleEndian.AppendUint64(nil, i.First)
	f = binary.LittleEndian.AppendUint64(f, i.Next)
	f = binary.LittleEndian.AppendUint64(f, uint64(s.info.Rows))
	f = binary.LittleEndian.AppendUint64(f, uint64(s.info.MinT))
	f = binary.LittleEndian.AppendUint64(f, uint64(s.info.MaxT))
	f = binary.LittleEndian.AppendUint64(f, uint64(i.Written))
	f = binary.AppendUvarint(f, uint64(s.blocks))
	f = append(f, s.footer...)
	f = binary.AppendUvarint(f, uint64(len(i.Stream)))
	f = append(f, i.Stream...)
	f = binary.AppendUvarint(f, i.Parts)
	f = append(binary.AppendUvarint(f, uint64(s.tables)), s.described...)
	t := binary.LittleEndian.AppendUint32(nil, uint32(len(f)))
	t = binary.LittleEndian.AppendUint32(t, checksum(f))
	t = append(t, footerMagic...)
	if err := s.write(append(f, t...)); err != nil {
		return Info{}, err
	}
	s.info.Bytes = s.off
	if err := s.w.Flush(); err != nil {
		return Info{}, fmt.Errorf("write segment: %w", err)
	}
	return s.info, nil
}
