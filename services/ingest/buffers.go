package ingest

import "sync"

// buffers keeps large buffers for their next use, until the garbage collector
// has run twice. All methods may be called concurrently.
type buffers struct{ pool sync.Pool }

// minPooled is the smallest buffer that is worth keeping.
const minPooled = 256 << 10

// get returns a buffer of at least size bytes with any content.
func (p *buffers) get(size int) []byte {
	if size >= minPooled {
		if b, _ := p.pool.Get().(*[]byte); b != nil && cap(*b) >= size {
			return *b
		}
	}
	return make([]byte, size)
}

// put gives a buffer back that nobody looks at any more.
func (p *buffers) put(b []byte) {
	if cap(b) >= minPooled {
		b = b[:cap(b)]
		p.pool.Put(&b)
	}
}
