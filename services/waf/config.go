package waf

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/access"
)

// Config is the configuration of a node. The zero value of a field is its
// default; a node needs at least one site with an upstream.
type Config struct {
	Node           string          `help:"name of the node, the source of its events; default the host's name"`
	Listen         string          `help:"address to serve; default 127.0.0.1:8000"`
	TLS            access.TLSFiles `yaml:"tls"`
	Insecure       bool            `help:"serve an address that others can reach without TLS"`
	H2C            bool            `yaml:"h2c" help:"take HTTP/2 without TLS too"`
	ProxyProtocol  bool            `help:"require the PROXY protocol (v1 or v2) from the trusted proxies and take no other connection"`
	TrustedProxies []string        `help:"addresses and prefixes of proxies whose word about the client is taken"`
	ClientHeader   string          `help:"header in which the trusted proxies name the client: X-Forwarded-For or Forwarded; by default the one that is there, and the proxy itself is the client where both are and disagree"`
	MetricsListen  string          `help:"address of /metrics, /healthz and /readyz, with TLS where others can reach it; none if empty"`
	Server         ServerConfig
	Spool          SpoolConfig
	Bundles        BundleConfig
	Limits         Limits
	Sites          []SiteConfig
}

// ServerConfig says where events go.
type ServerConfig struct {
	Address   string `help:"gRPC address of the server; default 127.0.0.1:9090"`
	Token     string `help:"token of the node; better in token_file or GATEWATCH_TOKEN"`
	TokenFile string `help:"file that holds the token"`
	CA        string `yaml:"ca" help:"file of the authorities that sign the server's certificate; default the system's"`
	Cert      string `help:"file of the node's certificate, instead of a token"`
	Key       string `help:"file of its private key"`
	Insecure  bool   `help:"send events without TLS to a server on another machine"`
}

// WithDefaults returns the configuration with all defaults filled in.
func (c Config) WithDefaults() Config {
	if c.Node == "" {
		if name, err := os.Hostname(); err == nil {
			c.Node = strings.ToLower(name)
		}
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8000"
	}
	if c.Server.Address == "" {
		c.Server.Address = "127.0.0.1:9090"
	}
	c.Spool = c.Spool.withDefaults()
	c.Bundles = c.Bundles.withDefaults(c.Spool.Dir)
	c.Limits = c.Limits.withDefaults()
	sites := make([]SiteConfig, len(c.Sites))
	for i, s := range c.Sites {
		sites[i] = s.withDefaults()
	}
	c.Sites = sites
	return c
}

// Check says whether a node can be started with a configuration: it reads all
// files that it names and compiles the rules. It opens no socket and no spool.
func Check(c Config) error {
	c = c.WithDefaults()
	if err := c.validate(); err != nil {
		return err
	}
	st, err := buildState(c, nil)
	if err != nil {
		return err
	}
	st.close()
	if c.TLS.Set() {
		if _, err := access.ServerTLS(c.TLS, time.Now, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
	}
	if _, err := c.Server.tlsConfig(); err != nil {
		return err
	}
	if _, err := c.Server.token(); err != nil {
		return err
	}
	_, err = openKey(c.Spool.KeyFile)
	return err
}

// validate names the key that is wrong. Defaults are filled in.
func (c Config) validate() error {
	if err := access.CheckName(c.Node); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	if err := c.validateListen(); err != nil {
		return err
	}
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		return errors.New("proxy_protocol: needs trusted_proxies")
	}
	if h := c.ClientHeader; h != "" && !strings.EqualFold(h, headerForwardedFor) && !strings.EqualFold(h, headerForwarded) {
		return fmt.Errorf("client_header: %q is not one of %s, %s", h, headerForwardedFor, headerForwarded)
	}
	if err := c.Spool.validate(); err != nil {
		return fmt.Errorf("spool.%w", err)
	}
	if _, err := c.Bundles.keys(); err != nil {
		return fmt.Errorf("bundles.%w", err)
	}
	if err := c.Limits.validate(); err != nil {
		return fmt.Errorf("limits.%w", err)
	}
	if len(c.Sites) == 0 {
		return errors.New("sites: none given")
	}
	names := map[string]bool{}
	for i, s := range c.Sites {
		if names[s.Name] {
			return fmt.Errorf("sites[%d].name: %q is the name of another site", i, s.Name)
		}
		names[s.Name] = true
		if err := s.validate(); err != nil {
			return fmt.Errorf("sites[%d].%w", i, err)
		}
		if r := s.Rules; r.InspectResponses && responseCopies*r.ResponseBodyBytes > c.Limits.BodyBufferBytes {
			return fmt.Errorf("sites[%d].rules.response_body_bytes: %d bytes are held twice, which is more than limits.body_buffer_bytes (%d)",
				i, r.ResponseBodyBytes, c.Limits.BodyBufferBytes)
		}
	}
	return nil
}

func (c Config) validateListen() error {
	for _, l := range []struct{ key, address string }{{"listen", c.Listen}, {"metrics_listen", c.MetricsListen}} {
		if l.address == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(l.address); err != nil {
			return fmt.Errorf("%s: %q is not host:port", l.key, l.address)
		}
		exposed, err := access.Listener{Name: "waf", Address: l.address, TLS: c.TLS, Insecure: true}.Check()
		if err != nil {
			return fmt.Errorf("%s: %w", l.key, err)
		}
		if !exposed.Loopback && !c.TLS.Set() && !c.Insecure {
			return fmt.Errorf("%s: %s can be reached from the network: set tls.cert and tls.key, or insecure: true (--insecure) to serve plain HTTP", l.key, l.address)
		}
	}
	return nil
}

// validate names the key that is wrong. Defaults are filled in.
func (l Limits) validate() error {
	switch {
	case l.Evaluations < 1:
		return fmt.Errorf("evaluations: %d is less than 1", l.Evaluations)
	case l.Connections < 1:
		return fmt.Errorf("connections: %d is less than 1", l.Connections)
	case l.ClientConnections < 1:
		return fmt.Errorf("client_connections: %d is less than 1", l.ClientConnections)
	case l.ClientBodies < 1:
		return fmt.Errorf("client_bodies: %d is less than 1", l.ClientBodies)
	case l.BodyRate < 1:
		return fmt.Errorf("body_rate: %d is less than 1", l.BodyRate)
	case l.BodyBufferBytes < bodyInMemory:
		return fmt.Errorf("body_buffer_bytes: %d is less than %d", l.BodyBufferBytes, int64(bodyInMemory))
	case l.MaxHeaderBytes < 4<<10 || l.MaxHeaderBytes > 1<<20:
		return fmt.Errorf("max_header_bytes: %d is not between 4 KiB and 1 MiB", l.MaxHeaderBytes)
	case l.EvaluationWait < 0 || l.EvaluationTime < 0 || l.HeaderTimeout < 0 || l.StallTimeout < 0 || l.IdleTimeout < 0 || l.ShutdownTimeout < 0:
		return errors.New("a duration is negative")
	}
	return nil
}

// target splits the scheme off the address: grpcs and https ask for TLS, grpc
// and http for none. Without a scheme a server on this machine is asked without.
func (s ServerConfig) target() (address string, secure bool, err error) {
	address = s.Address
	scheme, rest, found := strings.Cut(address, "://")
	if found {
		address = strings.TrimSuffix(rest, "/")
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", false, fmt.Errorf("server.address: %q is not host:port, such as 127.0.0.1:9090", s.Address)
	}
	ip, ipErr := netip.ParseAddr(host)
	local := host == "localhost" || ipErr == nil && ip.Unmap().IsLoopback()
	switch {
	case !found:
		secure = !local && !s.Insecure
	case scheme == "https" || scheme == "grpcs":
		secure = true
	case scheme == "http" || scheme == "grpc":
		if !local && !s.Insecure {
			return "", false, fmt.Errorf("server.address: %s is on another machine: use grpcs://, or insecure: true to send events and the token in plain text", address)
		}
	default:
		return "", false, fmt.Errorf("server.address: unknown scheme %q, want grpc or grpcs", scheme)
	}
	return address, secure, nil
}

// tlsConfig is that of the stream, nil for a plain one.
func (s ServerConfig) tlsConfig() (*tls.Config, error) {
	_, secure, err := s.target()
	if err != nil || !secure {
		return nil, err
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CA != "" {
		if t.RootCAs, err = readPool(s.CA); err != nil {
			return nil, fmt.Errorf("server.ca: %w", err)
		}
	}
	if s.Cert != "" || s.Key != "" {
		if _, err := tls.LoadX509KeyPair(s.Cert, s.Key); err != nil {
			return nil, fmt.Errorf("server.cert: %w", err)
		}
		// Read again for each connection, so that a renewed one is used.
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(s.Cert, s.Key)
			return &cert, err
		}
	}
	return t, nil
}

// token returns the token of the node, "" if it has none.
func (s ServerConfig) token() (string, error) {
	if s.TokenFile == "" {
		return s.Token, nil
	}
	b, err := os.ReadFile(s.TokenFile)
	if err != nil {
		return "", fmt.Errorf("server.token_file: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// trusted reads the list of proxies.
func (c Config) trusted() (*parse.Trusted, error) {
	t, err := parse.NewTrusted(c.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted_proxies: %w", err)
	}
	return t, nil
}
