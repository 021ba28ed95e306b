package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/queue"
)

// SyslogConfig is how syslog messages are taken. The zero value is the default.
type SyslogConfig struct {
	Source          string `help:"name of senders of syslog that have no other"`
	Format          string `help:"format of their messages"`
	MaxMessageBytes int    `help:"size at which longer messages are cut"`
	// MaxConnections: each takes at most twice MaxMessageBytes of memory.
	MaxConnections int `help:"TCP connections of a listener at once"`
	MaxPerPeer     int `help:"TCP connections of one address at once"`
	// IdleTimeout is long, for what a sender writes into a closed connection is lost.
	IdleTimeout        time.Duration           `help:"how long a TCP connection may be silent"`
	FlushDelay         time.Duration           `help:"how long messages wait for others to be stored with"`
	ReceiveBufferBytes int                     `help:"size of the UDP receive buffer that the kernel is asked for"`
	Sources            map[string]SyslogSource `help:"senders by name: {NAME: {networks: [10.1.0.0/16], format: F}}; the longest prefix wins"`
}

// SyslogSource is a source that is told by the address of the sender. It must
// only be used where addresses can't be forged.
type SyslogSource struct {
	Networks []string `help:"addresses or prefixes such as 10.1.0.0/16"`
	Format   string   `help:"format of their messages; that of the listener if empty"`
}

// WithDefaults fills in zero fields.
func (c SyslogConfig) WithDefaults() SyslogConfig {
	if c.Source == "" {
		c.Source = "syslog"
	}
	if c.Format == "" {
		c.Format = "syslog"
	}
	orInt(&c.MaxMessageBytes, 64<<10)
	orInt(&c.MaxConnections, 512)
	orInt(&c.MaxPerPeer, 128)
	orInt(&c.IdleTimeout, 24*time.Hour)
	orInt(&c.FlushDelay, 5*time.Millisecond)
	orInt(&c.ReceiveBufferBytes, 8<<20)
	return c
}

// Validate names the key that is wrong.
func (c SyslogConfig) Validate() error {
	if err := access.CheckName(c.Source); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if _, ok := parse.Lookup(c.Format); !ok {
		return fmt.Errorf("format: unknown format %q", c.Format)
	}
	if c.MaxMessageBytes < 1024 || c.MaxMessageBytes > parse.MaxRecord {
		return fmt.Errorf("max_message_bytes: %d is not between 1024 and %d", c.MaxMessageBytes, parse.MaxRecord)
	}
	if min(c.MaxConnections, c.MaxPerPeer, c.ReceiveBufferBytes) < 0 || min(c.IdleTimeout, c.FlushDelay) < 0 {
		return fmt.Errorf("max_connections, max_per_peer, receive_buffer_bytes, idle_timeout, flush_delay: negative")
	}
	return nil
}

// Syslog takes syslog messages over UDP, TCP and TLS. One Syslog may serve
// several listeners at once.
type Syslog struct {
	sink  *Sink
	cfg   SyslogConfig
	auth  Authenticator
	log   *slog.Logger
	rules []syslogRule // the longest prefix first
}

type syslogRule struct {
	prefix         netip.Prefix
	source, format string
}

// NewSyslog makes the input. A nil auth is [LoopbackOnly], a nil log discards.
func NewSyslog(sink *Sink, cfg SyslogConfig, auth Authenticator, log *slog.Logger) (*Syslog, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure syslog: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Syslog{sink: sink, cfg: cfg, auth: orLoopback(auth), log: log}
	for name, src := range cfg.Sources {
		if err := s.addRules(name, src); err != nil {
			return nil, fmt.Errorf("configure syslog: sources.%s.%w", name, err)
		}
	}
	slices.SortFunc(s.rules, func(a, b syslogRule) int { return b.prefix.Bits() - a.prefix.Bits() })
	return s, nil
}

func (s *Syslog) addRules(name string, src SyslogSource) error {
	if err := access.CheckName(name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if src.Format == "" {
		src.Format = s.cfg.Format
	}
	if _, ok := parse.Lookup(src.Format); !ok {
		return fmt.Errorf("format: unknown format %q", src.Format)
	}
	for _, n := range src.Networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			a, aerr := netip.ParseAddr(n)
			if aerr != nil {
				return fmt.Errorf("networks: %q is neither an address nor a prefix", n)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		s.rules = append(s.rules, syslogRule{p.Masked(), name, src.Format})
	}
	return nil
}

// envelope returns the group without records for a sender: bound is the name
// that its certificate gives it, "" if none.
func (s *Syslog) envelope(bound string, from netip.Addr) queue.Group {
	g := queue.Group{Source: s.cfg.Source, Format: s.cfg.Format, Peer: peerText(from)}
	for _, r := range s.rules {
		if r.prefix.Contains(from) {
			g.Source, g.Format = r.source, r.format
			break
		}
	}
	if bound != "" {
		g.Source = bound
	}
	return g
}

// retryPause is how long a sender that can wait is held up after the queue
// refused its messages.
const retryPause = time.Second

// put stores messages of senders that can wait: it tries again until they are
// durable, which holds up the connection, or until ctx ends.
func (s *Syslog) put(ctx context.Context, g queue.Group) {
	for {
		errs := s.sink.Put(ctx, []queue.Group{g})
		if errs == nil {
			return
		}
		reason := reasonOf(errs[0])
		if reason != ReasonFull {
			s.log.Error("syslog messages not stored", "source", g.Source, "err", errs[0])
		}
		if reason == ReasonClosed || reason == ReasonTooLarge || !pause(ctx, retryPause) {
			s.sink.Refuse(g.Source, reason, len(g.Records))
			return
		}
		g.Records = slices.Clone(g.Records)
	}
}

// pause waits, and reports false if ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
