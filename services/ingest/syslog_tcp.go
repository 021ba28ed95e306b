package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/queue"
)

const (
	handshakeTimeout = 10 * time.Second
	firstBuffer      = 8 << 10
)

// ServeTCP takes messages from the connections of l, which may be a TLS
// listener, until ctx ends. Then it stores what was received, also over
// connections that wait to be accepted unless they are of TLS, closes l and
// returns. An error is that of l.
func (s *Syslog) ServeTCP(ctx context.Context, l net.Listener) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	defer func() { _ = l.Close() }() // it may be closed already
	wake := func(time.Time) error { return l.Close() }
	if x, ok := l.(interface{ SetDeadline(t time.Time) error }); ok {
		wake = x.SetDeadline
	}
	last, forget := drainAfter(ctx, wake)
	defer forget()
	places := newAdmission[netip.Addr](s.cfg.MaxConnections, s.cfg.MaxPerPeer)
	for delay := time.Duration(0); ; {
		conn, err := l.Accept()
		switch {
		case err != nil && ctx.Err() != nil:
			if last.begin() {
				continue
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept syslog connections: %w", err)
		case err != nil: // such as too many open files
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			s.log.Warn("syslog connection not accepted", "err", err)
			pause(ctx, delay)
			continue
		}
		delay = 0
		from := access.PeerAddr(conn.RemoteAddr())
		if !places.enter(from) {
			s.sink.Refuse(s.cfg.Source, ReasonOverload, 1)
			s.log.Warn("too many syslog connections", "peer", from)
			conn.Close()
			continue
		}
		conns.Go(func() {
			defer places.leave(from)
			defer conn.Close()
			s.serve(ctx, conn, from)
		})
	}
}

// serve admits a sender and takes its messages.
func (s *Syslog) serve(ctx context.Context, conn net.Conn, from netip.Addr) {
	var state *tls.ConnectionState
	if secure, ok := conn.(*tls.Conn); ok {
		shake, cancel := context.WithTimeout(ctx, handshakeTimeout)
		err := secure.HandshakeContext(shake)
		cancel()
		if err != nil {
			s.sink.Refuse(s.cfg.Source, ReasonAuth, 1)
			s.log.Debug("syslog handshake failed", "peer", from, "err", err)
			return
		}
		cs := secure.ConnectionState()
		state = &cs
	}
	sender, err := s.auth(ctx, "", conn.RemoteAddr(), state)
	if err != nil {
		s.sink.Refuse(s.cfg.Source, ReasonAuth, 1)
		s.log.Debug("syslog sender refused", "peer", from, "err", err)
		return
	}
	c := &syslogConn{
		Syslog: s, conn: conn, envelope: s.envelope(sender.Name, from), origin: originOf("syslog", sender, from),
		frames: syslogFrames{max: s.cfg.MaxMessageBytes},
	}
	c.stats = s.sink.sources.of(c.envelope.Source)
	c.run(ctx)
}

// syslogConn is one TCP connection, used by one goroutine.
type syslogConn struct {
	*Syslog
	conn     net.Conn
	envelope queue.Group
	origin   origin
	stats    *sourceStats
	frames   syslogFrames

	buf      []byte // buf[from:to] is read and not yet split
	from, to int
	messages []message // lie in buf[:from]
	bytes    int       // of messages
	since    time.Time // when the first of messages came
}

// message is one message; raw lies in the buffer, which stays as it is until the
// message is stored.
type message struct {
	raw      []byte
	received int64
	cut      bool // raw lacks the end of the message
}

// run reads until the sender ends, is silent for too long, or ctx ends; then it
// stores what it has.
func (c *syslogConn) run(ctx context.Context) {
	last, forget := drainAfter(ctx, c.conn.SetReadDeadline)
	defer forget()
	// The outcome of what was read is awaited after ctx too.
	store, cancel := afterwards(ctx)
	defer cancel()
	c.buf = make([]byte, firstBuffer)
	for {
		if !last.begun {
			c.setDeadline()
			last.begin()
		}
		n, err := c.conn.Read(c.buf[c.to:])
		c.to += n
		waited := errors.Is(err, os.ErrDeadlineExceeded) && !last.begun && (len(c.messages) > 0 || ctx.Err() != nil)
		ended := err != nil && !waited
		c.split(ended)
		if ended || waited || c.to == len(c.buf) || time.Since(c.since) > c.cfg.FlushDelay {
			c.flush(store)
		}
		if ended {
			return
		}
		c.makeRoom()
	}
}

// afterwards returns a context that lives a while longer than ctx, for the end
// of work that was begun.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(5*time.Second, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() { stop(); cancel() }
}

// setDeadline bounds the next read: messages that wait are stored soon.
func (c *syslogConn) setDeadline() {
	at := time.Now().Add(c.cfg.IdleTimeout)
	if len(c.messages) > 0 {
		at = c.since.Add(c.cfg.FlushDelay)
	}
	_ = c.conn.SetReadDeadline(at) // a dead connection ends the read anyway
}

// split takes all whole messages out of what was read.
func (c *syslogConn) split(end bool) {
	now := time.Now()
	for {
		m, used := c.frames.next(c.buf[c.from:c.to], end)
		if used == 0 {
			return
		}
		cut := c.frames.cutting()
		c.stats.cutBytes.Add(uint64(c.frames.cutOff()))
		if len(m) > 0 {
			if cut {
				c.stats.cut.Add(1)
			}
			if len(c.messages) == 0 {
				c.since = now
			}
			c.messages = append(c.messages, message{m, now.UnixNano(), cut})
			c.bytes += len(m)
		}
		c.from += used
	}
}

// flush stores the messages. They are copied, so that the queue holds no more
// memory than their bytes.
func (c *syslogConn) flush(ctx context.Context) {
	if len(c.messages) == 0 {
		return
	}
	release, err := c.sink.reserve(ctx, c.origin, c.bytes)
	if err != nil {
		c.sink.Refuse(c.envelope.Source, ReasonBusy, len(c.messages))
		return
	}
	defer release()
	g := c.envelope
	g.Records = make([]queue.Record, len(c.messages))
	data := make([]byte, 0, c.bytes)
	for i, m := range c.messages {
		start := len(data)
		data = append(data, m.raw...)
		g.Records[i] = queue.Record{Received: m.received, Raw: data[start:len(data):len(data)], Cut: m.cut}
	}
	c.messages, c.bytes = c.messages[:0], 0
	c.put(ctx, g)
}

// makeRoom makes room for the next read and keeps the buffer as small as the
// sender lets it be.
func (c *syslogConn) makeRoom() {
	if len(c.messages) > 0 {
		return // they lie in the buffer, behind which there is room
	}
	full := c.to == len(c.buf)
	rest := c.to - c.from
	size := len(c.buf)
	switch {
	case full && size < 2*c.cfg.MaxMessageBytes:
		size = min(2*size, 2*c.cfg.MaxMessageBytes)
	case rest == 0 && c.to < size/8 && size > firstBuffer:
		size /= 2
	}
	buf := c.buf
	if size != len(buf) {
		buf = make([]byte, size)
	}
	copy(buf, c.buf[c.from:c.to])
	c.buf, c.from, c.to = buf, 0, rest
}
