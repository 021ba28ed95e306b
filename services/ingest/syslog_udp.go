package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
)

// maxDatagram is more than the largest UDP payload.
const maxDatagram = 64 << 10

// maxDatagramBatch is how many bytes of datagrams are stored at once.
const maxDatagramBatch = 1 << 20

// ServeUDP takes one message from each datagram of conn until ctx ends. Then it
// closes conn, stores what was received and returns. A sender of datagrams can't
// be held up: what comes while there is no memory, or while the queue refuses,
// is counted as refused; what the kernel dropped before it could be read is
// counted as refused for overload.
func (s *Syslog) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	if err := conn.SetReadBuffer(s.cfg.ReceiveBufferBytes); err != nil {
		s.log.Warn("receive buffer not set", "err", err)
	}
	u := &datagrams{Syslog: s, ready: make(chan struct{}, 1), ended: make(chan struct{})}
	store, cancel := afterwards(ctx)
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { u.storeAll(store) })
	work.Go(func() { s.watchDrops(ctx, conn) })
	defer close(u.ended)
	defer func() { _ = conn.Close() }() // nothing is written to it
	return u.receive(ctx, conn)
}

// datagrams collects messages of a UDP socket. One goroutine receives, another
// stores.
type datagrams struct {
	*Syslog
	ready chan struct{} // has room for one wake-up of the storing goroutine
	ended chan struct{} // closed when nothing more is received

	mu    sync.Mutex
	batch datagramBatch
}

// datagramBatch is what was received since the last time it was stored.
type datagramBatch struct {
	data    []byte
	packets []packet
	release []func()
}

type packet struct {
	from     netip.Addr
	end      int // in data; it begins where the one before it ends
	received int64
	cut      bool // the datagram was longer
}

// receive reads datagrams until the socket is closed or ctx has ended.
func (u *datagrams) receive(ctx context.Context, conn *net.UDPConn) error {
	last, forget := drainAfter(ctx, conn.SetReadDeadline)
	defer forget()
	buf := make([]byte, maxDatagram)
	for {
		n, ap, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case err != nil && ctx.Err() != nil:
			if last.begin() {
				continue
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("receive syslog datagrams: %w", err)
		case err != nil:
			u.log.Warn("syslog datagram not received", "err", err)
			pause(ctx, 10*time.Millisecond)
			continue
		}
		u.add(buf[:n], ap.Addr().Unmap().WithZone(""))
	}
}

// add puts a datagram into the batch, or counts it as refused.
func (u *datagrams) add(b []byte, from netip.Addr) {
	extra := len(b) - u.cfg.MaxMessageBytes
	if extra > 0 {
		st := u.sink.sources.of(u.envelope("", from).Source)
		st.cut.Add(1)
		st.cutBytes.Add(uint64(extra))
		b = b[:u.cfg.MaxMessageBytes]
	}
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.batch.data)+len(b) > maxDatagramBatch*len(u.batch.release) {
		release, err := u.sink.tryReserve(origin{input: "syslog-udp"}, maxDatagramBatch)
		if err != nil {
			u.sink.Refuse(u.envelope("", from).Source, ReasonOverload, 1)
			return
		}
		u.batch.release = append(u.batch.release, release)
	}
	u.batch.data = append(u.batch.data, b...)
	u.batch.packets = append(u.batch.packets, packet{from, len(u.batch.data), u.sink.now().UnixNano(), extra > 0})
	if len(u.batch.packets) == 1 || len(u.batch.data) >= maxDatagramBatch {
		wake(u.ready)
	}
}

// storeAll stores batches until nothing more is received.
func (u *datagrams) storeAll(ctx context.Context) {
	for {
		ended := false
		select {
		case <-u.ready:
			// Others may join, unless so many came that it should be now.
			u.gather()
		case <-u.ended:
			ended = true
		}
		u.mu.Lock()
		batch := u.batch
		u.batch = datagramBatch{}
		u.mu.Unlock()
		if len(batch.packets) > 0 {
			u.store(ctx, batch)
		}
		if ended {
			return
		}
	}
}

// gather waits for more datagrams.
func (u *datagrams) gather() {
	t := time.NewTimer(u.cfg.FlushDelay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-u.ready:
	case <-u.ended:
	}
}

// store stores a batch: one group for each sender.
func (u *datagrams) store(ctx context.Context, batch datagramBatch) {
	defer func() {
		for _, release := range batch.release {
			release()
		}
	}()
	byPeer := map[netip.Addr]int{} // index in groups, -1 if refused
	var groups []queue.Group
	start := 0
	for _, p := range batch.packets {
		raw := batch.data[start:p.end:p.end]
		start = p.end
		i, known := byPeer[p.from]
		if !known {
			i = u.admit(ctx, p.from, &groups)
			byPeer[p.from] = i
		}
		if i < 0 {
			u.sink.Refuse(u.cfg.Source, ReasonAuth, 1)
			continue
		}
		groups[i].Records = append(groups[i].Records, queue.Record{Received: p.received, Raw: raw, Cut: p.cut})
	}
	errs := u.sink.Put(ctx, groups)
	if errs == nil {
		return
	}
	if reasonOf(errs[0]) != ReasonFull {
		u.log.Error("syslog messages not stored", "err", errs[0])
	}
	for i := range groups {
		u.sink.Refuse(groups[i].Source, reasonOf(errs[0]), len(groups[i].Records))
	}
}

// admit adds a group for a sender and returns its index, -1 if the sender is
// refused.
func (u *datagrams) admit(ctx context.Context, from netip.Addr, groups *[]queue.Group) int {
	sender, err := u.auth(ctx, "", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), nil)
	if err != nil {
		u.log.Debug("syslog sender refused", "peer", from, "err", err)
		return -1
	}
	*groups = append(*groups, u.envelope(sender.Name, from))
	return len(*groups) - 1
}
