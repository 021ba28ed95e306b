package waf

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// replayed is a request body on its way to an upstream: first what was judged,
// then what the client still sends, unchanged. What was judged lies in memory
// of the evaluation, so it must be detached before that is closed.
type replayed struct {
	mu     sync.Mutex
	judged io.Reader // nil once read or detached
	gone   bool
	probe  []byte
	rest   io.Reader // nil if all was judged
}

var errReplayGone = errors.New("request body is no longer available")

func (b *replayed) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.gone {
		b.mu.Unlock()
		return 0, errReplayGone
	}
	if b.judged != nil {
		n, err := b.judged.Read(p)
		if n == 0 && errors.Is(err, io.EOF) {
			b.judged = nil
		} else {
			b.mu.Unlock()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
	}
	if len(b.probe) > 0 && len(p) > 0 {
		n := copy(p, b.probe)
		b.probe = b.probe[n:]
		b.mu.Unlock()
		return n, nil
	}
	rest := b.rest
	b.mu.Unlock()
	if rest == nil {
		return 0, io.EOF
	}
	return rest.Read(p)
}

// Close does nothing: the server closes the client's body.
func (b *replayed) Close() error { return nil }

// detach makes further reads fail. It returns once no read uses the evaluation.
func (b *replayed) detach() {
	b.mu.Lock()
	b.gone, b.judged = true, nil
	b.mu.Unlock()
}

// paced is a client's body that must not stand still: each read has a deadline.
// One of a known length ends with its last byte, whatever the server says then:
// a transport asks once more after it has sent all, and by that time the answer
// may be on its way and the server have closed the body, which the transport
// would take for a failed request and cut the answer off.
type paced struct {
	body    io.ReadCloser
	length  int64 // -1 if it is not known
	control *http.ResponseController
	idle    time.Duration
	count   *int64
	err     error // that ended the body, besides its end

	rate  int64 // bytes a second that are demanded, 0 for none
	since time.Time
	first int64 // of count, when it was demanded
}

// rateGrace is how long a body may be slower than is demanded.
const rateGrace = 20 * time.Second

// demand asks for a rate from now on, 0 for none.
func (p *paced) demand(rate int64) { p.rate, p.since, p.first = rate, time.Now(), *p.count }

// deadline is that of the next read.
func (p *paced) deadline() time.Time {
	idle := time.Now().Add(p.idle)
	if p.rate == 0 {
		return idle
	}
	earned := time.Duration(float64(*p.count-p.first) / float64(p.rate) * float64(time.Second))
	if late := p.since.Add(rateGrace + earned); late.Before(idle) {
		return late
	}
	return idle
}

func (p *paced) Read(b []byte) (int, error) {
	if p.length >= 0 && *p.count >= p.length {
		return 0, io.EOF
	}
	// A writer that cannot set deadlines (in tests) has none.
	_ = p.control.SetReadDeadline(p.deadline())
	n, err := p.body.Read(b)
	*p.count += int64(n)
	if err != nil {
		_ = p.control.SetReadDeadline(time.Time{})
		if !errors.Is(err, io.EOF) {
			p.err = err
		}
	}
	return n, err
}

func (p *paced) Close() error { return p.body.Close() }
