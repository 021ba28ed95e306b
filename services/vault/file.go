package vault

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// A sealed file is its head, twice, and frames of frameSize bytes of plain text,
// each sealed for its number. The last one is sealed as the last, so that a file
// that was cut is found.
const (
	fileMagic   = "GWSEALED"
	fileVersion = 1
	fileHead    = 64 // magic, version (1), zeros (3), key id (8), salt (32), zeros (8), checksum (4)
	frameSize   = 8 << 10
	sealedFrame = frameSize + tagSize
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SealedSize returns the size of the sealed file of plain bytes.
func SealedSize(plain int64) int64 {
	frames := max(1, (plain+frameSize-1)/frameSize)
	return 2*fileHead + plain + frames*tagSize
}

// Sealed reports whether a file begins as a sealed one.
func Sealed(src io.ReaderAt) (bool, error) {
	for _, at := range []int64{0, fileHead} {
		var magic [len(fileMagic)]byte
		if _, err := src.ReadAt(magic[:], at); err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("read head of file: %w", err)
		}
		if string(magic[:]) == fileMagic {
			return true, nil
		}
	}
	return false, nil
}

// Writer encrypts a file. It neither syncs nor closes what it writes to.
type Writer struct {
	w      io.Writer
	aead   cipher.AEAD
	plain  []byte // of the frame that is not full, or full and perhaps the last
	sealed []byte
	frame  uint64
	err    error // sticks
}

// NewWriter begins a sealed file. [Writer.Close] ends it.
func NewWriter(w io.Writer, k *Key) (*Writer, error) {
	h := make([]byte, fileHead)
	copy(h, fileMagic)
	h[8] = fileVersion
	copy(h[12:], k.ID[:])
	fill(h[20:52])
	binary.LittleEndian.PutUint32(h[60:], crc32.Checksum(h[:60], castagnoli))
	aead, err := derive(k.secret[:], h[20:52], "file")
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(append(h, h...)); err != nil {
		return nil, fmt.Errorf("write sealed file: %w", err)
	}
	return &Writer{w: w, aead: aead, plain: make([]byte, 0, frameSize), sealed: make([]byte, 0, sealedFrame)}, nil
}

// Write encrypts p.
func (w *Writer) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 && w.err == nil {
		if len(w.plain) == frameSize {
			w.seal(0)
			continue
		}
		k := min(len(p), frameSize-len(w.plain))
		w.plain = append(w.plain, p[:k]...)
		p, n = p[k:], n+k
	}
	return n, w.err
}

// Close writes the last frame.
func (w *Writer) Close() error {
	if w.err == nil {
		w.seal(1)
	}
	return w.err
}

func (w *Writer) seal(last byte) {
	w.sealed = w.aead.Seal(w.sealed[:0], nonce(w.frame, last), w.plain, nil)
	w.plain = w.plain[:0]
	w.frame++
	if _, err := w.w.Write(w.sealed); err != nil {
		w.err = fmt.Errorf("write sealed file: %w", err)
	}
}

// Reader reads a sealed file at any position. Its methods may be called at once.
// A frame that is damaged fails only those reads that need it.
type Reader struct {
	src    io.ReaderAt
	aead   cipher.AEAD
	frames int64
	size   int64
}

// NewReader opens a sealed file of size bytes. It checks the head alone; it
// returns ErrDamaged if neither copy of it is whole.
func NewReader(src io.ReaderAt, size int64, ring *Ring) (*Reader, error) {
	body := size - 2*fileHead
	if body < tagSize {
		return nil, fmt.Errorf("open sealed file of %d bytes: %w", size, ErrDamaged)
	}
	h, err := readHead(src)
	if err != nil {
		return nil, err
	}
	k, err := ring.Key(ID(h[12:20]))
	if err != nil {
		return nil, fmt.Errorf("open sealed file: %w", err)
	}
	r := &Reader{src: src, frames: (body + sealedFrame - 1) / sealedFrame}
	if r.aead, err = derive(k.secret[:], h[20:52], "file"); err != nil {
		return nil, err
	}
	// Of a file that was cut in a tag not even one byte of the last frame is
	// there, and none but an empty file ends with an empty frame: so the reader
	// looks for one byte, and finds that there is none.
	r.size = max(body-r.frames*tagSize, (r.frames-1)*frameSize+min(1, r.frames-1))
	if r.size == 0 { // nobody will read from it
		_, err = r.span(nil, 0, make([]byte, tagSize))
	}
	return r, err
}

// readHead returns the first whole head.
func readHead(src io.ReaderAt) ([]byte, error) {
	h, err := readHeadAt(src, 0)
	if errors.Is(err, ErrDamaged) {
		h, err = readHeadAt(src, fileHead)
	}
	return h, err
}

// readHeadAt returns the copy of the head that begins there.
func readHeadAt(src io.ReaderAt, at int64) ([]byte, error) {
	h := make([]byte, fileHead)
	if _, err := src.ReadAt(h, at); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read head of sealed file: %w", err)
	}
	if string(h[:8]) != fileMagic || crc32.Checksum(h[:60], castagnoli) != binary.LittleEndian.Uint32(h[60:]) {
		return nil, fmt.Errorf("read head of sealed file: %w", ErrDamaged)
	}
	if h[8] != fileVersion {
		return nil, fmt.Errorf("open sealed file: version %d is not known", h[8])
	}
	return h, nil
}

// Size returns the number of bytes of plain text.
func (r *Reader) Size() int64 { return r.size }

// ReadAt implements [io.ReaderAt] on the plain text. Of a damaged frame it
// returns the bytes before it and ErrDamaged.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read sealed file: negative offset")
	}
	want := int(min(int64(len(p)), max(0, r.size-off)))
	buf := spans.Get().(*[]byte)
	defer spans.Put(buf)
	for n := 0; n < want; {
		k, err := r.span(p[n:want], off+int64(n), *buf)
		n += k
		if err != nil {
			return n, err
		}
	}
	if want < len(p) {
		return want, io.EOF
	}
	return want, nil
}

// ReadAhead begins to read what ReadAt will read, if the file's reader can.
func (r *Reader) ReadAhead(off, n int64) {
	a, ok := r.src.(interface{ ReadAhead(off, n int64) })
	if !ok || off < 0 || n <= 0 {
		return
	}
	first, end := off/frameSize, min((off+n+frameSize-1)/frameSize, r.frames)
	if first < end {
		a.ReadAhead(2*fileHead+first*sealedFrame, (end-first)*sealedFrame)
	}
}

// spanFrames is how many frames are read by one call.
const spanFrames = 16

var spans = sync.Pool{New: func() any { b := make([]byte, spanFrames*sealedFrame); return &b }}

// span reads the beginning of p, as far as one call goes. All of p is in the file.
func (r *Reader) span(p []byte, off int64, buf []byte) (n int, err error) {
	first, end := off/frameSize, (off+int64(len(p))+frameSize-1)/frameSize
	end = min(max(end, first+1), first+spanFrames, r.frames)
	length := (end - first) * sealedFrame
	if end == r.frames {
		length = r.size + r.frames*tagSize - first*sealedFrame
	}
	buf = buf[:length]
	if n, err := r.src.ReadAt(buf, 2*fileHead+first*sealedFrame); n < len(buf) && errors.Is(err, io.EOF) {
		buf = buf[:n] // it was cut
	} else if n < len(buf) {
		return 0, fmt.Errorf("read sealed file: %w", err)
	}
	for frame := first; frame < end; frame++ {
		sealed, last := buf[:min(sealedFrame, len(buf))], byte(0)
		buf = buf[len(sealed):]
		if frame == r.frames-1 {
			last = 1
		}
		plain, err := r.aead.Open(sealed[:0], nonce(uint64(frame), last), sealed, nil)
		if err != nil {
			return n, fmt.Errorf("read frame %d of sealed file: %w", frame, ErrDamaged)
		}
		n += copy(p[n:], plain[min(int64(len(plain)), off+int64(n)-frame*frameSize):])
	}
	return n, nil
}
