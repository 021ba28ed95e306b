package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/ingest"
)

// listenFile names the addresses in use, once the server is ready.
const listenFile = "listen.json"

// maxConnections bounds the connections of one listener.
const maxConnections = 4096

// listener is one address that is served.
type listener struct {
	name  string
	addr  net.Addr
	tls   bool
	close func(ctx context.Context) // stops taking, ends what runs; at the latest with ctx
}

// listen opens all listeners and then serves them. The inputs come last: what
// they take can be stored and found by then.
func (v *server) listen(run context.Context) error {
	fails := access.NewFailures(time.Now)
	v.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gatewatch_auth_failures_total", Help: "Failed attempts to sign in.",
	}, func() float64 { return float64(fails.Total()) }))
	// A call that a guard has let in carries its identity, so the gate that the
	// input services ask need not be that of the listener.
	inputs := access.NewGate(v.tokens, fails, false, v.log)
	if err := v.openAPI(inputs); err != nil {
		return err
	}
	v.running.Go(func() { v.fleet.Watch(run) })
	v.running.Go(func() { v.tuner.Run(run) })
	open := map[string]func(context.Context, opening) error{
		"http": v.listenHTTP, "grpc": v.listenGRPC, "ingest": v.listenIngest,
		"syslog": v.listenSyslog, "syslog-tls": v.listenSyslogTLS,
	}
	for _, l := range v.settings.listeners() {
		e, err := exposure(l)
		if err != nil {
			return err
		}
		if !v.settings.serves(l.Name) {
			continue
		}
		o := opening{Listener: l, loopback: e.Loopback, gate: access.NewGate(v.tokens, fails, e.Loopback, v.log).WithSessions(v.people)}
		if e.TLS || l.Name == "syslog-tls" {
			if o.tls, err = access.ServerTLS(v.settings.TLS, time.Now, v.log); err != nil {
				return err
			}
		}
		if err := open[l.Name](run, o); err != nil {
			return fmt.Errorf("listen.%s: %w", l.Name, err)
		}
	}
	if err := v.offerSetup(context.WithoutCancel(run)); err != nil {
		return err
	}
	v.isReady.Store(true)
	return v.writeListenFile()
}

// exposure decides how a listener may be served. The syslog listener speaks plain
// text whatever certificates there are.
func exposure(l access.Listener) (access.Exposure, error) {
	e, err := l.Check()
	if err == nil && l.Name == "syslog" && !e.Loopback && !l.Insecure {
		return e, fmt.Errorf("listen.syslog: %s can be reached from the network, where plain syslog can be read and forged: use listen.syslog-tls, or set insecure: true", l.Address)
	}
	return e, err
}

// opening is what it takes to open a listener.
type opening struct {
	access.Listener
	loopback bool
	gate     *access.Gate
	tls      *tls.Config // nil for plain text
}

func (o opening) tcp() (net.Listener, error) { return net.Listen("tcp", o.Address) }

func (v *server) listenHTTP(_ context.Context, o opening) error {
	h, err := v.api.HTTP(o.gate, o.loopback)
	if err != nil {
		return err
	}
	l, err := o.tcp()
	if err != nil {
		return err
	}
	serve := func() error { return h.Serve(netutil.LimitListener(l, maxConnections)) }
	if o.tls != nil {
		h.TLSConfig = o.tls
		serve = func() error { return h.ServeTLS(netutil.LimitListener(l, maxConnections), "", "") }
	}
	v.add(o.Name, l.Addr(), serve, func(ctx context.Context) {
		if h.Shutdown(ctx) != nil {
			h.Close()
		}
	})
	v.listeners[len(v.listeners)-1].tls = o.tls != nil
	return nil
}

func (v *server) listenGRPC(_ context.Context, o opening) error {
	l, err := o.tcp()
	if err != nil {
		return err
	}
	g := v.api.GRPC(o.gate, o.tls)
	serve := func() error { return g.Serve(netutil.LimitListener(l, maxConnections)) }
	v.add(o.Name, l.Addr(), serve, func(ctx context.Context) {
		v.nodes.Stop()
		stop := context.AfterFunc(ctx, g.Stop)
		defer stop()
		g.GracefulStop()
		v.nodes.Wait()
	})
	return nil
}

func (v *server) listenIngest(run context.Context, o opening) error {
	h, err := ingest.NewHTTP(v.sink, v.settings.HTTP, o.gate.Sender, v.log)
	if err != nil {
		return err
	}
	l, err := o.tcp()
	if err != nil {
		return err
	}
	addr := l.Addr()
	if o.tls != nil {
		l = tls.NewListener(l, o.tls)
	}
	ctx, cancel := context.WithCancel(run)
	v.add(o.Name, addr, func() error { return h.Serve(ctx, l) }, func(context.Context) { cancel() })
	return nil
}

func (v *server) listenSyslog(run context.Context, o opening) error {
	s, err := v.newSyslog(o)
	if err != nil {
		return err
	}
	l, err := o.tcp()
	if err != nil {
		return err
	}
	udpAddr := net.UDPAddrFromAddrPort(l.Addr().(*net.TCPAddr).AddrPort())
	udp, err := net.ListenUDP("udp", udpAddr)
	if err != nil {
		l.Close()
		return err
	}
	ctx, cancel := context.WithCancel(run)
	stop := func(context.Context) { cancel() }
	v.add(o.Name, l.Addr(), func() error { return s.ServeTCP(ctx, l) }, stop)
	v.add(o.Name+"-udp", udp.LocalAddr(), func() error { return s.ServeUDP(ctx, udp) }, stop)
	return nil
}

func (v *server) listenSyslogTLS(run context.Context, o opening) error {
	s, err := v.newSyslog(o)
	if err != nil {
		return err
	}
	l, err := o.tcp()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(run)
	v.add(o.Name, l.Addr(), func() error { return s.ServeTCP(ctx, tls.NewListener(l, o.tls)) }, func(context.Context) { cancel() })
	return nil
}

func (v *server) newSyslog(o opening) (*ingest.Syslog, error) {
	return ingest.NewSyslog(v.sink, v.settings.Syslog, o.gate.Sender, v.log)
}

// add runs a listener until it is closed.
func (v *server) add(name string, addr net.Addr, serve func() error, stop func(context.Context)) {
	v.listeners = append(v.listeners, listener{name: name, addr: addr, close: stop})
	v.log.Info("listening", "listener", name, "address", addr.String())
	v.serving.Go(func() {
		err := serve()
		if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
			err = nil
		}
		v.fail("listener "+name, err)
	})
}

// closeListeners ends all listeners at once and waits for them.
func (v *server) closeListeners(ctx context.Context) {
	for _, l := range v.listeners {
		v.serving.Go(func() { l.close(ctx) })
	}
	v.serving.Wait()
}

// writeListenFile names the addresses in use, as one step.
func (v *server) writeListenFile() error {
	addresses := map[string]string{}
	for _, l := range v.listeners {
		addresses[l.name] = l.addr.String()
	}
	b, err := json.MarshalIndent(addresses, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(v.settings.Data, listenFile), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", listenFile, err)
	}
	return nil
}
