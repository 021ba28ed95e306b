package waf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
)

// Node is a WAF node in service. Its handler may be used by any number of
// goroutines.
type Node struct {
	config   Config
	identity identity
	log      *slog.Logger
	now      func() time.Time
	registry *prometheus.Registry
	metrics  *metrics
	state    atomic.Pointer[state]
	reloadMu sync.Mutex
	spool    *Spool
	sink     func([]byte) // takes the records; nil for none
	stream   *stream
	keeper   *keeper // nil: nothing is kept for replay
	bundles  *bundles
	http     *http.Server
	listener net.Listener
	watcher  net.Listener // of the metrics, nil if there is none
	serving  atomic.Bool

	remembered // of requests before

	unjudged  occasional // log of what could not be judged
	crowded   occasional // log of addresses with too many connections
	upstreams occasional // log of upstreams that failed
	disagree  occasional // log of proxies whose headers disagree
}

// Options are what a node is given besides its configuration. The zero value
// of a field is its default.
type Options struct {
	Version string
	Log     *slog.Logger
	Now     func() time.Time
}

// NewNode compiles the rules, opens the spool and listens. It serves once
// [Node.Run] is called. The caller must call Run or Close.
func NewNode(c Config, o Options) (*Node, error) {
	c = c.WithDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("check config: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Node{
		config: c, log: o.Log, now: o.Now, registry: prometheus.NewRegistry(),
		identity: identity{node: c.Node, version: o.Version}, remembered: newRemembered(),
	}
	n.metrics = newMetrics(n.registry)
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// open does what can fail.
func (n *Node) open() (err error) {
	if n.bundles, err = newBundles(n); err != nil {
		return err
	}
	st := n.bundles.restore()
	if st == nil {
		if st, err = buildState(n.config, n); err != nil {
			return err
		}
	}
	n.state.Store(st)
	n.registry.MustRegister(accelerated{n})
	if n.http, err = n.server(); err != nil {
		return err
	}
	if n.stream, err = n.newStream(); err != nil {
		return err
	}
	n.spool, err = OpenSpool(n.config.Spool, n.log, n.now, func(refused uint64) []byte {
		return n.identity.notice(n.now(), "spool-refused", "spool_full",
			fmt.Sprintf("spool was full: %d records were refused", refused))
	})
	if err != nil {
		return err
	}
	n.stream.spool = n.spool
	n.sink = func(record []byte) { n.spool.Put(record) } // what it refuses it counts
	watchSpool(n.registry, n.spool)
	n.keeper = newKeeper(n)
	if n.listener, err = net.Listen("tcp", n.config.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if n.config.MetricsListen != "" {
		if n.watcher, err = net.Listen("tcp", n.config.MetricsListen); err != nil {
			return fmt.Errorf("metrics_listen: %w", err)
		}
	}
	return nil
}

func (n *Node) newStream() (*stream, error) {
	server := n.config.Server
	address, _, err := server.target()
	if err != nil {
		return nil, err
	}
	trust, err := server.tlsConfig()
	if err != nil {
		return nil, err
	}
	token, err := server.token()
	if err != nil {
		return nil, err
	}
	return &stream{
		target: address, tls: trust, token: token, node: n.config.Node,
		status: n.status, hits: &n.bundles.hits, offer: n.bundles.offer, report: n.bundles.last, metrics: n.metrics, log: n.log, least: minBackoff, most: maxBackoff,
	}, nil
}

// status is what the node tells the server about itself.
func (n *Node) status() *gatewatchv1.NodeStatus {
	st, spool := n.state.Load(), n.spool.Stats()
	s := &gatewatchv1.NodeStatus{Version: n.identity.version, SpoolOverflow: spool.Refused, SpoolRecords: spool.Records, SpoolAgeMs: uint64(spool.Age.Milliseconds())}
	for _, site := range st.sites {
		s.Sites = append(s.Sites, site.name)
	}
	if len(st.engines) > 0 {
		s.Ruleset = st.engines[0].fingerprint
	}
	n.bundles.describe(s, st.sites)
	return s
}

// Address is where the node listens.
func (n *Node) Address() net.Addr { return n.listener.Addr() }

// MetricsAddress is where the metrics are, nil if nowhere.
func (n *Node) MetricsAddress() net.Addr {
	if n.watcher == nil {
		return nil
	}
	return n.watcher.Addr()
}

// Close frees what NewNode opened. Run does it too.
func (n *Node) Close() error {
	var err error
	for _, l := range []net.Listener{n.listener, n.watcher} {
		if l != nil {
			if e := l.Close(); !errors.Is(e, net.ErrClosed) {
				err = errors.Join(err, e)
			}
		}
	}
	if n.spool != nil {
		err = errors.Join(err, n.spool.Close())
	}
	if st := n.state.Load(); st != nil {
		st.close()
	}
	return err
}

// Run serves until the context ends. Then it takes no new connections, lets
// requests end for the time that the configuration gives, hands the server what
// is left in the spool as far as that is quick, and closes the spool.
func (n *Node) Run(ctx context.Context) error {
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	failures := make(chan error, 3)
	var wait sync.WaitGroup
	wait.Go(func() { failures <- n.stream.run(sending) })
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		n.keeper.run(keeping)
	}()
	wait.Go(func() { n.bundles.run(sending) })

	wait.Go(func() { failures <- n.serve() })
	watch := n.watchServer()
	if watch != nil {
		wait.Go(func() { failures <- serveOn(watch, n.watcher) })
	}
	n.serving.Store(true)
	n.log.Info("node serves", slog.String("address", n.listener.Addr().String()), slog.String("node", n.config.Node),
		slog.Int("sites", len(n.config.Sites)), slog.String("server", n.config.Server.Address))
	var err error
	select {
	case <-ctx.Done():
	case err = <-failures:
	}
	n.serving.Store(false)
	err = errors.Join(err, n.shutdown(func() {
		stopKeeping()
		<-copied
	}))
	if watch != nil {
		err = errors.Join(err, watch.Close())
	}
	stopSending()
	wait.Wait()
	close(failures)
	for e := range failures {
		err = errors.Join(err, e)
	}
	return errors.Join(err, n.Close())
}

// farewell is how long a node that stops waits for the server to take what is
// in the spool. What remains is sent when it starts again.
const farewell = 2 * time.Second

// shutdown ends the serving of requests and empties the spool if it can. served
// is called in between.
func (n *Node) shutdown(served func()) error {
	ctx, cancel := context.WithTimeout(context.Background(), n.config.Limits.ShutdownTimeout)
	defer cancel()
	err := n.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		n.log.Warn("requests were cut off", slog.Duration("after", n.config.Limits.ShutdownTimeout))
		err = n.http.Close()
	}
	served()
	if !n.stream.connected.Load() {
		return err
	}
	bye, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if err := n.spool.Drained(bye); err != nil {
		n.log.Info("records wait in the spool for the next start", slog.Uint64("records", n.spool.Stats().Records))
	}
	return err
}

// serveOn serves on a listener until the server is shut down.
func serveOn(s *http.Server, l net.Listener) error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(l, "", "")
	} else {
		err = s.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// server makes the HTTP server of the node.
func (n *Node) server() (*http.Server, error) {
	l := n.config.Limits
	s := &http.Server{
		Handler:           n,
		ReadHeaderTimeout: l.HeaderTimeout,
		IdleTimeout:       l.IdleTimeout,
		MaxHeaderBytes:    int(l.MaxHeaderBytes),
		// OPTIONS * is judged and told of like all others.
		DisableGeneralOptionsHandler: true,

		ErrorLog:  slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
		Protocols: &http.Protocols{},
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(n.config.H2C)
	if n.config.TLS.Set() {
		trust, err := access.ServerTLS(n.config.TLS, n.now, n.log)
		if err != nil {
			return nil, err
		}
		s.TLSConfig = trust
	}
	if n.config.ProxyProtocol {
		s.ConnContext = keepPeer
	}
	return s, nil
}

// serve serves requests until the server is shut down.
func (n *Node) serve() error {
	fair := &fairListener{Listener: n.listener, node: n, quota: newQuota(int64(n.config.Limits.ClientConnections))}
	listener := netutil.LimitListener(fair, n.config.Limits.Connections)
	if n.config.ProxyProtocol {
		policy, err := proxyproto.TrustProxyHeaderFromRanges(n.config.TrustedProxies)
		if err != nil {
			return fmt.Errorf("trusted_proxies: %w", err)
		}
		listener = &proxyproto.Listener{Listener: listener, ConnPolicy: policy, ReadHeaderTimeout: n.config.Limits.HeaderTimeout}
	}
	return serveOn(n.http, listener)
}
