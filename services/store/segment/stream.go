package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/gatewatch/gatewatch/services/vault"
)

// errDamaged means that bytes are not what the format says. Errors of this
// package wrap it wherever content, not the file system, is at fault.
var errDamaged = errors.New("damaged")

// IsDamaged tells whether an error says that stored bytes are damaged.
func IsDamaged(err error) bool { return errors.Is(err, errDamaged) || errors.Is(err, vault.ErrDamaged) }

func damaged(what string) error { return fmt.Errorf("%s: %w", what, errDamaged) }

// Methods of a stream.
const (
	streamRaw  = 0
	streamZstd = 1
)

// maxStream bounds what one stream or text page decodes to.
const maxStream = 1 << 29

var (
	zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
			zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20))
		if err != nil {
			panic("segment: zstd encoder: " + err.Error())
		}
		return e
	})
	zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxStream),
			zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic("segment: zstd decoder: " + err.Error())
		}
		return d
	})
)

// appendStream appends bytes as method, decoded length, stored length, content.
// They are compressed where that saves an eighth.
func appendStream(dst, raw []byte) []byte {
	start := len(dst)
	dst = append(dst, streamZstd)
	dst = binary.AppendUvarint(dst, uint64(len(raw)))
	head := len(dst)
	if len(raw) >= 32 {
		dst = append(dst, 0, 0, 0, 0)
		body := len(dst)
		dst = zstdEncoder().EncodeAll(raw, dst)
		if n := len(dst) - body; n < len(raw)-len(raw)/8 {
			binary.LittleEndian.PutUint32(dst[body-4:], uint32(n))
			return dst
		}
	}
	dst = dst[:head]
	dst[start] = streamRaw
	return append(dst, raw...)
}

// reader reads the parts of a chunk. After the first fault all reads return
// zero values and bad is set.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.b, r.bad = nil, true }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// uvarint reads a number that must not exceed limit.
func (r *reader) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > limit {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uint32() uint32 {
	p := r.take(4)
	if p == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(p)
}

func (r *reader) uint64() uint64 {
	p := r.take(8)
	if p == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(p)
}

// take returns the next n bytes, nil if there are fewer.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// stream reads what appendStream wrote; it must decode to at most limit bytes.
// The result may lie in the chunk itself.
func (r *reader) stream(limit int) []byte {
	method := r.byte()
	n := int(r.uvarint(uint64(min(limit, maxStream))))
	if r.bad {
		return nil
	}
	switch method {
	case streamRaw:
		return r.take(n)
	case streamZstd:
		p := r.take(int(r.uint32()))
		if r.bad {
			return nil
		}
		out := inflate(p, n)
		if out == nil {
			r.fail()
		}
		return out
	}
	r.fail()
	return nil
}

// inflate decodes a zstd frame to exactly n bytes, or returns nil.
func inflate(p []byte, n int) []byte {
	if n > 64<<10 && n/len64(p) > 1<<14 { // no frame of ours is that small
		return nil
	}
	out, err := zstdDecoder().DecodeAll(p, make([]byte, 0, n+8))
	if err != nil || len(out) != n {
		return nil
	}
	return out
}

func len64(p []byte) int { return max(1, len(p)) }
