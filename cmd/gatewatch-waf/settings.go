package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/gatewatch/gatewatch/services/config"
	"github.com/gatewatch/gatewatch/services/waf"
)

// settings are the flags. What they say wins over the environment, and that
// over the file.
type settings struct {
	file string
	set  waf.Config     // what the flags say
	site waf.SiteConfig // and of the one site
	mask string
	mode string
}

func (s *settings) bind(f *pflag.FlagSet) {
	f.StringVar(&s.file, "config", "", "YAML file with one or several sites")
	f.StringVar(&s.set.Listen, "listen", "", "address to serve (default 127.0.0.1:8000)")
	f.StringVar(&s.set.Node, "node", "", "name of the node (default the host's name)")
	f.StringVar(&s.set.TLS.Cert, "tls-cert", "", "certificate chain to serve with")
	f.StringVar(&s.set.TLS.Key, "tls-key", "", "its private key")
	f.BoolVar(&s.set.Insecure, "insecure", false, "serve an address that others can reach without TLS")
	f.BoolVar(&s.set.H2C, "h2c", false, "take HTTP/2 without TLS too")
	f.BoolVar(&s.set.ProxyProtocol, "proxy-protocol", false, "require the PROXY protocol from the trusted proxies")
	f.StringSliceVar(&s.set.TrustedProxies, "trusted-proxies", nil, "addresses and prefixes of proxies that are believed")
	f.StringVar(&s.set.MetricsListen, "metrics-listen", "", "address of /metrics, /healthz and /readyz (default none)")

	f.StringVar(&s.set.Server.Address, "server", "", "gRPC address of the server, or GATEWATCH_SERVER (default 127.0.0.1:9090)")
	f.StringVar(&s.set.Server.Token, "token", "", "token of the node, or GATEWATCH_TOKEN")
	f.StringVar(&s.set.Server.TokenFile, "token-file", "", "file that holds the token")
	f.StringVar(&s.set.Server.CA, "server-ca", "", "authorities that sign the server's certificate (default the system's)")
	f.BoolVar(&s.set.Server.Insecure, "server-insecure", false, "send events to another machine without TLS")
	f.StringVar(&s.set.Spool.Dir, "spool", "", "directory of the spool (default ./gatewatch-waf-spool)")
	f.StringVar(&s.set.Spool.KeyFile, "spool-key-file", "", "file with the key that the spool is sealed under (default not sealed)")

	f.StringVar(&s.site.Name, "site", "", "name of the site in events (default default)")
	f.StringSliceVar(&s.site.Upstreams, "upstream", nil, "URL of a server behind the node; may be given several times")
	f.StringVar(&s.mode, "mode", "", "block or detect (default block)")
	f.StringVar(&s.site.OnError, "on-error", "", "allow or block requests that can not be judged (default block)")
	f.StringVar(&s.site.Events, "events", "", "which requests become events: all, matched or blocked (default all)")
	f.StringVar(&s.mask, "mask", "", "masking of values in events: credentials, strict or off (default credentials)")
	f.IntVar(&s.site.Rules.Paranoia, "paranoia", 0, "paranoia level, 1 to 4 (default 1)")
	f.IntVar(&s.site.Rules.InboundThreshold, "threshold", 0, "anomaly score at which a request is blocked (default 5)")
	f.BoolVar(&s.site.Rules.InspectResponses, "inspect-responses", false, "judge responses too")
	f.StringSliceVar(&s.site.Rules.RulesBefore, "rules-before", nil, "SecLang files to read before the Core Rule Set")
	f.StringSliceVar(&s.site.Rules.RulesAfter, "rules-after", nil, "SecLang files to read after the Core Rule Set")
}

// siteFlags describe the one site that flags can describe.
var siteFlags = []string{
	"site", "upstream", "mode", "on-error", "events", "mask", "paranoia", "threshold", "inspect-responses",
	"rules-before", "rules-after",
}

// load makes the configuration: file, environment, flags.
func (s *settings) load(f *pflag.FlagSet) (waf.Config, error) {
	var c waf.Config
	if s.file != "" {
		loaded, err := waf.LoadConfig(s.file)
		if err != nil {
			return c, err
		}
		c = loaded
	}
	if err := environment(&c); err != nil {
		return c, err
	}
	s.override(&c, f)
	sited := false
	for _, name := range siteFlags {
		sited = sited || f.Changed(name)
	}
	switch {
	case sited && len(c.Sites) > 0:
		return c, usageError{errors.New("the file describes sites: flags of one site can not be given beside it")}
	case len(c.Sites) == 0 && len(s.site.Upstreams) == 0:
		return c, usageError{errors.New("no upstream: give --upstream URL, or --config F with sites; see gatewatch-waf --help")}
	case len(c.Sites) == 0:
		site := s.site
		site.Mode, site.Mask = waf.Mode(s.mode), waf.Masking(s.mask)
		c.Sites = []waf.SiteConfig{site}
	}
	return c, nil
}

// environment applies GATEWATCH_SERVER and GATEWATCH_TOKEN.
func environment(c *waf.Config) error {
	var env struct{ Server, Token string }
	if err := config.LoadEnv(&env, "GATEWATCH_", os.LookupEnv); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	if env.Server != "" {
		c.Server.Address = env.Server
	}
	if env.Token != "" {
		c.Server.Token, c.Server.TokenFile = env.Token, ""
	}
	return nil
}

// override applies the flags of the node that were given.
func (s *settings) override(c *waf.Config, f *pflag.FlagSet) {
	text := func(name string, to *string, from string) {
		if f.Changed(name) {
			*to = from
		}
	}
	toggle := func(name string, to *bool, from bool) {
		if f.Changed(name) {
			*to = from
		}
	}
	text("listen", &c.Listen, s.set.Listen)
	text("node", &c.Node, s.set.Node)
	text("tls-cert", &c.TLS.Cert, s.set.TLS.Cert)
	text("tls-key", &c.TLS.Key, s.set.TLS.Key)
	toggle("insecure", &c.Insecure, s.set.Insecure)
	toggle("h2c", &c.H2C, s.set.H2C)
	toggle("proxy-protocol", &c.ProxyProtocol, s.set.ProxyProtocol)
	if f.Changed("trusted-proxies") {
		c.TrustedProxies = s.set.TrustedProxies
	}
	text("metrics-listen", &c.MetricsListen, s.set.MetricsListen)
	text("server", &c.Server.Address, s.set.Server.Address)
	text("server-ca", &c.Server.CA, s.set.Server.CA)
	toggle("server-insecure", &c.Server.Insecure, s.set.Server.Insecure)
	if f.Changed("token") {
		c.Server.Token, c.Server.TokenFile = s.set.Server.Token, ""
	}
	if f.Changed("token-file") {
		c.Server.Token, c.Server.TokenFile = "", s.set.Server.TokenFile
	}
	text("spool", &c.Spool.Dir, s.set.Spool.Dir)
	text("spool-key-file", &c.Spool.KeyFile, s.set.Spool.KeyFile)
}
