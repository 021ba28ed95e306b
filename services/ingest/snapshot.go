package ingest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/queue"
)

// A snapshot file is the magic, the offset that it covers, the epoch of the
// receiver, the positions and the ids by source, both the longest unused first,
// and a CRC-32C of all that. Numbers are unsigned varints, texts are length and
// bytes. The newest file and the one before it are kept; the queue is held for
// the older one, so that a damaged file costs nothing.
const (
	snapshotMagic = "gatewatch-ingest-1\n"
	snapshotName  = "ingest.snapshot"
	olderName     = "ingest.snapshot.old"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// snapshots are the files in one directory. It is used by one goroutine at a
// time.
type snapshots struct {
	dir     string
	covered queue.Offset // by the newest file, 0 if there is none
	size    int64        // of the newest file
}

// write replaces the newest file by what the two hold and returns the offset
// that the older file covers, 0 if there is no older one.
func (s *snapshots) write(offset queue.Offset, receiver queue.Epoch, p *positions, t *ids) (queue.Offset, error) {
	newest := filepath.Join(s.dir, snapshotName)
	var size int64
	err := durable.Write(newest, 0o600, func(f *os.File) (err error) {
		w := &snapshotWriter{sum: crc32.New(castagnoli)}
		w.w = bufio.NewWriterSize(io.MultiWriter(f, w.sum), 256<<10)
		w.all(offset, receiver, p, t)
		if err := w.finish(f); err != nil {
			return err
		}
		if size, err = f.Seek(0, io.SeekCurrent); err != nil || s.covered == 0 {
			return err
		}
		// If the power fails now, the file that was the newest is found as the
		// older one.
		if err := os.Rename(newest, filepath.Join(s.dir, olderName)); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	older := s.covered
	s.covered, s.size = offset, size
	return older, nil
}

type snapshotWriter struct {
	w   *bufio.Writer // keeps the first error until Flush
	sum hash.Hash32
	buf []byte
}

func (w *snapshotWriter) number(n uint64) {
	w.buf = binary.AppendUvarint(w.buf[:0], n)
	_, _ = w.w.Write(w.buf) // kept until Flush
}

func (w *snapshotWriter) text(s string) {
	w.number(uint64(len(s)))
	_, _ = w.w.WriteString(s) // kept until Flush
}

func (w *snapshotWriter) bytes(b []byte) { _, _ = w.w.Write(b) } // kept until Flush

func (w *snapshotWriter) all(offset queue.Offset, receiver queue.Epoch, p *positions, t *ids) {
	w.bytes([]byte(snapshotMagic))
	w.number(uint64(offset))
	w.bytes(receiver[:])
	known := p.known()
	w.number(uint64(len(known)))
	for _, pos := range known {
		w.text(pos.key.source)
		w.bytes(pos.key.epoch[:])
		w.number(pos.last)
	}
	names := t.sourcesByUse()
	w.number(uint64(len(names)))
	for _, name := range names {
		entries := t.known(name)
		w.text(name)
		w.number(uint64(len(entries)))
		for _, e := range entries {
			w.bytes(e.key[:])
			w.buf = binary.LittleEndian.AppendUint64(w.buf[:0], e.content)
			w.bytes(w.buf)
		}
	}
}

// finish writes the sum.
func (w *snapshotWriter) finish(f *os.File) error {
	if err := w.w.Flush(); err != nil {
		return err
	}
	_, err := f.Write(w.sum.Sum(nil))
	return err
}

// read loads the newest file that is whole into the two. It returns the offset
// that the file covers, its receiver epoch, and the error of each damaged file.
func (s *snapshots) read(p *positions, t *ids) (queue.Offset, queue.Epoch, []error) {
	var damaged []error
	for _, name := range []string{snapshotName, olderName} {
		path := filepath.Join(s.dir, name)
		if err := verify(path); err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				damaged = append(damaged, fmt.Errorf("read %s: %w", name, err))
			}
			continue
		}
		offset, receiver, err := load(path, p, t)
		if err != nil {
			damaged = append(damaged, fmt.Errorf("read %s: %w", name, err))
			continue
		}
		if name == snapshotName {
			s.covered = offset
		}
		return offset, receiver, damaged
	}
	return 0, queue.Epoch{}, damaged
}

var errDamaged = errors.New("snapshot is damaged")

// verify checks the sum, so that nothing of a damaged file is believed.
func verify(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	body := info.Size() - crc32.Size
	if body < int64(len(snapshotMagic)) {
		return errDamaged
	}
	sum := crc32.New(castagnoli)
	if _, err := io.CopyN(sum, f, body); err != nil {
		return err
	}
	var want [crc32.Size]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return err
	}
	if [crc32.Size]byte(sum.Sum(nil)) != want {
		return errDamaged
	}
	return nil
}

func load(path string, p *positions, t *ids) (queue.Offset, queue.Epoch, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, queue.Epoch{}, err
	}
	defer f.Close()
	return readSnapshot(bufio.NewReaderSize(f, 256<<10), p, t)
}

type snapshotReader struct {
	r   *bufio.Reader
	err error
}

func (r *snapshotReader) number() uint64 {
	if r.err != nil {
		return 0
	}
	var n uint64
	n, r.err = binary.ReadUvarint(r.r)
	return n
}

func (r *snapshotReader) bytes(b []byte) {
	if r.err == nil {
		_, r.err = io.ReadFull(r.r, b)
	}
}

func (r *snapshotReader) text() string {
	n := r.number()
	if r.err == nil && n > 64<<10 {
		r.err = errDamaged
	}
	if r.err != nil {
		return ""
	}
	b := make([]byte, n)
	r.bytes(b)
	return string(b)
}

func readSnapshot(in *bufio.Reader, p *positions, t *ids) (queue.Offset, queue.Epoch, error) {
	r := &snapshotReader{r: in}
	magic := make([]byte, len(snapshotMagic))
	if r.bytes(magic); r.err == nil && string(magic) != snapshotMagic {
		return 0, queue.Epoch{}, errDamaged
	}
	offset := queue.Offset(r.number())
	var receiver queue.Epoch
	r.bytes(receiver[:])
	for n := r.number(); n > 0 && r.err == nil; n-- {
		key := positionKey{source: r.text()}
		r.bytes(key.epoch[:])
		if last := r.number(); r.err == nil {
			p.raise(key, last)
		}
	}
	for n := r.number(); n > 0 && r.err == nil; n-- {
		name := r.text()
		for k := r.number(); k > 0 && r.err == nil; k-- {
			var e [len(idKey{}) + 8]byte
			if r.bytes(e[:]); r.err == nil {
				t.remember(name, idEntry{idKey(e[:16]), binary.LittleEndian.Uint64(e[16:])})
			}
		}
	}
	return offset, receiver, r.err
}
