package ingest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	firstBody = 8 << 10
	// A body may grow to freeGrowth bytes whatever its compressed size, and to
	// maxRatio times that size beyond it.
	freeGrowth = 4 << 20
	maxRatio   = 500
	zstdWindow = 8 << 20 // what RFC 8878 section 3.1.1.1.2 asks decoders to take
)

// body is the decoded body of a request. Its memory is reserved until release,
// and used for others afterwards.
type body struct {
	sink     *Sink
	from     origin
	data     []byte
	memory   []byte // that data lies in; it may be larger than what is reserved
	releases []func()
}

func (b *body) release() {
	for _, release := range b.releases {
		release()
	}
	b.releases = nil
	b.sink.bodies.put(b.memory)
	b.data, b.memory = nil, nil
}

// reserve takes n bytes of the memory of all inputs.
func (b *body) reserve(n int) error {
	release, err := b.sink.tryReserve(b.from, n)
	if err == nil {
		b.releases = append(b.releases, release)
	}
	return err
}

// contentType checks the media type of a request; "" must be in allowed if it
// may be missing.
func (c *call) contentType(allowed ...string) *refusal {
	header := c.r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(header)
	if header == "" {
		media, err = "", nil
	}
	charset := params["charset"]
	if err == nil && slices.Contains(allowed, media) && (charset == "" || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	return &refusal{
		http.StatusUnsupportedMediaType, "media_type_header_exception",
		fmt.Sprintf("Content-Type %.128q is not supported here, send %s in UTF-8", header, strings.TrimPrefix(strings.Join(allowed, ", "), ", ")),
		ReasonType,
	}
}

// read reads and decodes the body within the bounds of size and memory. The
// caller releases it.
func (c *call) read() (*body, *refusal) {
	if c.r.ContentLength > int64(c.cfg.MaxBodyBytes) {
		return nil, c.unreadable(errTooLarge)
	}
	wire := &counted{r: http.MaxBytesReader(c.w, c.r.Body, int64(c.cfg.MaxBodyBytes)), pace: c.pace(time.Now())}
	encoding := strings.ToLower(strings.TrimSpace(c.r.Header.Get("Content-Encoding")))
	plain := encoding == "" || encoding == "identity"
	b := &body{sink: c.sink, from: originOf("http", c.from, c.peer)}
	if encoding == "zstd" {
		if err := b.reserve(zstdWindow); err != nil {
			return nil, c.unreadable(err)
		}
	}
	r, closer, err := decoder(wire, encoding)
	if err != nil {
		b.release()
		return nil, c.unreadable(err)
	}
	defer closer()
	limit := c.cfg.MaxBodyBytes
	if n := c.r.ContentLength; plain && n > 0 {
		limit = min(limit, int(n))
	}
	err = b.fill(r, wire, limit)
	// A deadline that passes later would look as if the sender had gone.
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Time{}) // not all writers can
	if err != nil {
		b.release()
		return nil, c.unreadable(err)
	}
	return b, nil
}

var (
	errTooLarge = errors.New("body is too large")
	errRatio    = errors.New("body is compressed too well to be believed")
	errEncoding = errors.New("encoding is not supported")
)

// bodyGrowth is how many times as large the memory of a body becomes when it is
// full, up to freeGrowth; what is larger is doubled.
const bodyGrowth = 8

// grownBody returns the memory that a body gets after size bytes, of at most most.
func grownBody(size, most int) int {
	size = max(size, firstBody)
	if size >= freeGrowth {
		return min(2*size, most)
	}
	return min(bodyGrowth*size, max(freeGrowth, 2*size), most)
}

// fill reads r to its end, which is at limit at the latest. The memory follows
// what arrives, whatever length was announced.
func (b *body) fill(r io.Reader, wire *counted, limit int) error {
	size := min(firstBody, limit+1) // one more, so that the end is seen
	if err := b.reserve(size); err != nil {
		return err
	}
	b.data = make([]byte, 0, size)
	for {
		if len(b.data) == cap(b.data) {
			grown := grownBody(cap(b.data), limit+1)
			if err := b.reserve(grown - cap(b.data)); err != nil {
				return err
			}
			b.grow(grown)
		}
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		switch {
		case len(b.data) > limit:
			return errTooLarge
		case len(b.data) > freeGrowth && int64(len(b.data)) > maxRatio*wire.n:
			return errRatio
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// grow gives the body memory of size bytes.
func (b *body) grow(size int) {
	if cap(b.memory) >= size {
		b.data = b.memory[:len(b.data):size]
		return
	}
	memory := b.sink.bodies.get(size)
	b.data = append(memory[:0:size], b.data...)
	b.sink.bodies.put(b.memory)
	b.memory = memory
}

// unreadable says what was wrong with a body.
func (c *call) unreadable(err error) *refusal {
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, ErrBusy):
		return unstored(err)
	case errors.Is(err, errTooLarge), errors.Is(err, errRatio), errors.Is(err, zstd.ErrWindowSizeExceeded), errors.As(err, &large):
		return &refusal{
			http.StatusRequestEntityTooLarge, "content_too_large_exception",
			fmt.Sprintf("the body is larger than %d bytes after decompression, or compressed too well", c.cfg.MaxBodyBytes), ReasonTooLarge,
		}
	case errors.Is(err, errEncoding):
		return &refusal{
			http.StatusUnsupportedMediaType, "media_type_header_exception",
			"Content-Encoding is not one of identity, gzip, deflate, zstd", ReasonEncoding,
		}
	}
	return &refusal{http.StatusBadRequest, "parse_exception", "the body can't be read to its end: it is cut short or not encoded well", ReasonEncoding}
}

// A sender that holds memory for its body must go on sending: paceBytes in each
// paceTime, or the rest of it.
const (
	paceBytes = 64 << 10
	paceTime  = 10 * time.Second
)

// counted counts what is read of a body as it was sent, and calls pace at its
// beginning and after each paceBytes.
type counted struct {
	r    io.Reader
	n    int64
	next int64 // n at which pace is called
	pace func()
}

func (c *counted) Read(b []byte) (int, error) {
	if c.n >= c.next {
		c.next = c.n + paceBytes
		c.pace()
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// pace returns a function that gives the sender of a request time for the next
// part of its body, within the time for the whole.
func (c *call) pace(began time.Time) func() {
	conn, last := http.NewResponseController(c.w), began.Add(c.cfg.BodyTimeout)
	return func() {
		next := time.Now().Add(paceTime)
		if next.After(last) {
			next = last
		}
		_ = conn.SetReadDeadline(next) // not all writers can
	}
}

// decoder undoes one content encoding. Encodings of encodings are refused.
func decoder(r io.Reader, encoding string) (io.Reader, func(), error) {
	switch encoding {
	case "", "identity":
		return r, func() {}, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { _ = z.Close() }, nil // everything that matters was read
	case "deflate":
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { _ = z.Close() }, nil // likewise
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return nil, nil, errEncoding
}
