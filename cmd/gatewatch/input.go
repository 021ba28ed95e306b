package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"
)

// errGzipCut means that the end of a compressed file is missing. What comes
// before it was read.
var errGzipCut = errors.New("ends in the middle of its gzip stream")

// openInput opens a file of records, or standard input for "-". Gzip is
// decompressed. Who is asked to type is told so.
func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		readsTerminal(cmd)
		r, err := decompress(&onceEnded{Reader: cmd.InOrStdin()})
		return io.NopCloser(r), err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("open input: %w", err)
	}
	r, err := decompress(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, f}, nil
}

// onceEnded reads no more once its reader has ended: a terminal would go on after
// each Ctrl-D.
type onceEnded struct {
	io.Reader
	err error
}

func (o *onceEnded) Read(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.Reader.Read(p)
	o.err = err
	return n, err
}

// decompress returns the bytes of a stream, decompressed if they are gzip.
func decompress(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(magic) != "\x1f\x8b" {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, gzipError(err)
	}
	return gzipReader{z}, nil
}

// gzipReader names what is wrong with a compressed stream.
type gzipReader struct{ z *gzip.Reader }

func (g gzipReader) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	return n, gzipError(err)
}

func gzipError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errGzipCut
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("its gzip stream is damaged: %w", err)
	}
	return err
}

// cutShort adds to an error of reading what came of the bytes before it.
func cutShort(err error, done string) error {
	if errors.Is(err, errGzipCut) {
		return fmt.Errorf("%w: %s; copy it again", err, done)
	}
	return fmt.Errorf("%w: %s", err, done)
}
