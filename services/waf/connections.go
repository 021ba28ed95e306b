package waf

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
)

// fairListener closes connections of an address that has too many. Those of
// trusted proxies carry many clients and have no bound.
type fairListener struct {
	net.Listener
	node  *Node
	quota *quota
}

func (l *fairListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer := addrPort(c.RemoteAddr()).Addr()
		if l.node.state.Load().trusted.Has(peer) {
			return c, nil
		}
		client := clientKey(peer)
		if l.quota.try(client, 1) {
			return &fairConn{Conn: c, done: sync.OnceFunc(func() { l.quota.give(client, 1) })}, nil
		}
		l.refuse(c, peer)
	}
}

func (l *fairListener) refuse(c net.Conn, peer netip.Addr) {
	_ = c.Close() // the client is not told, so nothing is lost
	l.node.metrics.connectionsRefused.Inc()
	if l.node.crowded.due(l.node.now()) {
		l.node.log.Warn("address has too many connections", slog.String("address", peer.String()), slog.Int64("most", l.quota.most))
	}
}

// fairConn gives its place back when it is closed.
type fairConn struct {
	net.Conn
	done func()
}

func (c *fairConn) Close() error {
	defer c.done()
	return c.Conn.Close()
}

// NetConn is for who looks for the connection underneath.
func (c *fairConn) NetConn() net.Conn { return c.Conn }
