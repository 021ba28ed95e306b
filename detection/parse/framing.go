package parse

import (
	"bytes"
	"errors"
	"io"
)

// MaxRecord is the size of the largest record in bytes unless a [Framer] is
// given another one.
const MaxRecord = 1 << 20

// maxHeader bounds a header line; a longer one is a record.
const maxHeader = 16 << 10

// Framed is one record of a stream and where it lies in it.
type Framed struct {
	Line    []byte // without its line ending; valid until the next call of Next, see LinesOf
	Header  string // the header line that governs the record, "" if none
	Offset  int64  // of the first byte of the record in the stream
	End     int64  // of the first byte after its line ending: where to resume
	Dropped int64  // bytes that were cut off the end of a line over the limit
}

// Framer splits a stream of bytes into records: lines that end with LF or CRLF,
// the last one with the stream. Empty lines are no records. NUL and bytes that
// are not UTF-8 are kept. A line over the limit is cut to the limit, and the
// record tells how much was dropped. Memory is bounded by the limit. A Framer is
// used by one goroutine.
type Framer struct {
	r      io.Reader
	header func(line []byte) bool
	max    int

	buf    []byte // buf[from:to] is read and not yet returned
	from   int
	to     int
	offset int64 // of buf[from] in the stream
	head   string
	err    error
}

// Lines makes a Framer that begins at offset 0 of the stream. The format may be
// nil; max is the limit in bytes, 0 for [MaxRecord].
func Lines(r io.Reader, f *Format, max int) *Framer {
	if max <= 0 {
		max = MaxRecord
	}
	fr := &Framer{r: r, max: max}
	if f != nil {
		fr.header = f.Header
	}
	return fr
}

// LinesOf is Lines of bytes in memory. They are not copied: each line is a part of
// data, and valid as long as that does not change.
func LinesOf(data []byte, f *Format, max int) *Framer {
	fr := Lines(nil, f, max)
	fr.buf, fr.to, fr.err = data, len(data), io.EOF
	return fr
}

// Resume tells the Framer, before the first Next, that its reader begins at an
// offset of a longer stream, and which header line governed there.
func (f *Framer) Resume(offset int64, header string) { f.offset, f.head = offset, header }

// Offset returns where the next record begins: all before it was returned.
func (f *Framer) Offset() int64 { return f.offset }

// Header returns the header line that governs the next record.
func (f *Framer) Header() string { return f.head }

// Next returns the next record, and io.EOF after the last one. Another error is
// that of the reader; the bytes before it that ended with a line were returned,
// the others can be read again from [Framer.Offset].
func (f *Framer) Next() (Framed, error) {
	for {
		rec, err := f.line()
		if err != nil {
			return Framed{}, err
		}
		if len(rec.Line) == 0 && rec.Dropped == 0 {
			continue
		}
		if f.header != nil && rec.Dropped == 0 && len(rec.Line) <= maxHeader && f.header(rec.Line) {
			f.head = string(rec.Line)
			continue
		}
		rec.Header = f.head
		return rec, nil
	}
}

// line returns the next line without its header.
func (f *Framer) line() (Framed, error) {
	scanned := 0
	for {
		if i := bytes.IndexByte(f.buf[f.from+scanned:f.to], '\n'); i >= 0 {
			return f.take(scanned+i, scanned+i+1), nil
		}
		scanned = f.to - f.from
		if f.err == nil {
			if scanned > f.max+1 { // one more than the limit may be the CR of CRLF
				return f.skip()
			}
			f.fill()
			continue
		}
		if errors.Is(f.err, io.EOF) && scanned > 0 {
			return f.take(scanned, scanned), nil
		}
		return Framed{}, f.err
	}
}

// take returns the next n bytes as a line; all of size are used up.
func (f *Framer) take(n, size int) Framed {
	line := f.buf[f.from : f.from+n]
	if size > n && n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	rec := Framed{Line: line, Offset: f.offset, End: f.offset + int64(size)}
	if len(line) > f.max {
		rec.Line, rec.Dropped = line[:f.max], int64(len(line)-f.max)
	}
	f.from += size
	f.offset = rec.End
	return rec
}

// skip returns a line that is over the limit, reads to its end and counts what
// it drops. The end of the stream ends the line; another error loses nothing,
// for the line is read again from its offset.
func (f *Framer) skip() (Framed, error) {
	dropped, last := f.to-f.from-f.max, f.buf[f.to-1]
	spare := f.spare()
	rec := Framed{Offset: f.offset, Line: f.buf[:f.max:f.max]}
	for f.err == nil {
		var n int
		n, f.err = f.read(spare)
		i := bytes.IndexByte(spare[:n], '\n')
		if i < 0 {
			if n > 0 {
				last = spare[n-1]
			}
			dropped += n
			continue
		}
		if i > 0 {
			last = spare[i-1]
		}
		// What follows lies behind the record in the buffer, which stays valid.
		f.from, f.to = f.max+i+1, f.max+n
		f.offset += int64(f.max + dropped + i + 1)
		rec.End, rec.Dropped = f.offset, int64(dropped+i)
		if last == '\r' {
			rec.Dropped--
		}
		return rec, nil
	}
	if !errors.Is(f.err, io.EOF) {
		return Framed{}, f.err
	}
	f.from, f.to = 0, 0
	f.offset += int64(f.max + dropped)
	rec.End, rec.Dropped = f.offset, int64(dropped)
	return rec, nil
}

// spare moves the next f.max bytes to the front of the buffer and returns the
// memory behind them.
func (f *Framer) spare() []byte {
	buf := f.buf
	if len(buf) < f.max+readAhead {
		buf = make([]byte, f.max+readAhead)
	}
	copy(buf, f.buf[f.from:f.from+f.max])
	f.buf, f.from, f.to = buf, 0, f.max
	return f.buf[f.max:]
}

const (
	firstRead = 64 << 10
	readAhead = 64 << 10 // room behind a record of the largest size
)

// fill reads more, after it made room.
func (f *Framer) fill() {
	if f.from > 0 && (f.from == f.to || f.to == len(f.buf)) {
		copy(f.buf, f.buf[f.from:f.to])
		f.from, f.to = 0, f.to-f.from
	}
	if f.to == len(f.buf) {
		size := min(max(firstRead, 2*len(f.buf)), f.max+readAhead)
		grown := make([]byte, max(size, len(f.buf)+readAhead))
		copy(grown, f.buf[:f.to])
		f.buf = grown
	}
	n, err := f.read(f.buf[f.to:])
	f.to += n
	f.err = err
}

// read calls the reader until it gives something.
func (f *Framer) read(b []byte) (int, error) {
	for range 100 {
		n, err := f.r.Read(b)
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
