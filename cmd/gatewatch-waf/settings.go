package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/spf13/pflag"

	"github.com/gatewatch/gatewatch/services/config"
	"github.com/gatewatch/gatewatch/services/waf"
)

// keyFlag is a flag that stands for a key of the configuration.
type keyFlag struct{ flag, key string }

var nodeFlags = []keyFlag{
	{"listen", "listen"},
	{"node", "node"},
	{"tls-cert", "tls.cert"},
	{"tls-key", "tls.key"},
	{"insecure", "insecure"},
	{"h2c", "h2c"},
	{"proxy-protocol", "proxy_protocol"},
	{"trusted-proxies", "trusted_proxies"},
	{"client-header", "client_header"},
	{"metrics-listen", "metrics_listen"},
	{"server", "server.address"},
	{"token", "server.token"},
	{"token-file", "server.token_file"},
	{"server-ca", "server.ca"},
	{"server-insecure", "server.insecure"},
	{"spool", "spool.dir"},
	{"spool-bytes", "spool.max_bytes"},
	{"spool-key-file", "spool.key_file"},
}

// siteFlags describe the one site that flags can describe.
var siteFlags = []keyFlag{
	{"site", "name"},
	{"upstream", "upstreams"},
	{"mode", "mode"},
	{"on-error", "on_error"},
	{"events", "events"},
	{"mask", "mask"},
	{"paranoia", "rules.paranoia"},
	{"threshold", "rules.inbound_threshold"},
	{"inspect-responses", "rules.inspect_responses"},
	{"rules-before", "rules.rules_before"},
	{"rules-after", "rules.rules_after"},
}

// Prefixes of the environment variables of a node and of its one site.
const (
	envPrefix     = "GATEWATCH_WAF_"
	siteEnvPrefix = "GATEWATCH_WAF_SITE_"
)

// settings are the sources of the configuration: a file, the environment and
// flags, each of which wins over the one before.
type settings struct {
	file  string
	given map[string]string // by flag
}

func bindSettings(flags *pflag.FlagSet) *settings {
	s := &settings{given: map[string]string{}}
	flags.StringVar(&s.file, "config", "", "YAML file with one or several sites")
	s.bind(flags, nodeFlags, config.Keys(&waf.Config{}))
	s.bind(flags, siteFlags, config.Keys(&waf.SiteConfig{}))
	return s
}

func (s *settings) bind(flags *pflag.FlagSet, bound []keyFlag, keys []config.Key) {
	for _, b := range bound {
		key := keyOf(keys, b.key)
		flag := flags.VarPF(&flagValue{name: b.flag, key: key, given: s.given}, b.flag, "", key.Usage)
		if key.IsBool() {
			flag.NoOptDefVal = "true"
		}
	}
}

func keyOf(keys []config.Key, name string) config.Key {
	for _, k := range keys {
		if k.Name == name {
			return k
		}
	}
	panic("no key " + name) // a flag of this program is bound to a key that is none
}

// flagValue is the value of a flag; key only checks it. Of a list each flag adds
// to those before.
type flagValue struct {
	name  string
	key   config.Key
	given map[string]string
}

func (f *flagValue) String() string { return "" }

func (f *flagValue) Type() string {
	if f.key.IsBool() {
		return "bool"
	}
	return "value"
}

func (f *flagValue) Set(text string) error {
	if before := f.given[f.name]; before != "" && f.key.IsList() {
		text = before + "," + text
	}
	f.given[f.name] = text
	return f.key.Set(text)
}

// apply sets the keys whose flags were given.
func (s *settings) apply(bound []keyFlag, keys []config.Key) error {
	for _, b := range bound {
		if text, ok := s.given[b.flag]; ok {
			if err := keyOf(keys, b.key).Set(text); err != nil {
				return fmt.Errorf("--%s: %w", b.flag, err)
			}
		}
	}
	return nil
}

// path is the file of the configuration, "" if there is none.
func (s *settings) path() string {
	if s.file != "" {
		return s.file
	}
	return os.Getenv(envPrefix + "CONFIG")
}

// load makes the configuration. It does not say whether a node can use it.
func (s *settings) load() (waf.Config, error) {
	var c waf.Config
	if file := s.path(); file != "" {
		if err := config.LoadFile(&c, file); err != nil {
			return c, usageError{err}
		}
	}
	site, err := s.overlay(&c)
	if err != nil {
		return c, usageError{err}
	}
	described := !reflect.ValueOf(site).IsZero()
	switch {
	case described && len(c.Sites) > 0:
		return c, usageError{errors.New("the file describes sites: flags and variables of one site can not be given beside it")}
	case len(c.Sites) == 0 && len(site.Upstreams) == 0:
		return c, usageError{errors.New("no upstream: give --upstream URL, or --config F with sites; see gatewatch-waf --help")}
	case described:
		c.Sites = []waf.SiteConfig{site}
	}
	return c, nil
}

// overlay applies the environment and the flags. It returns what they say about
// the one site.
func (s *settings) overlay(c *waf.Config) (site waf.SiteConfig, err error) {
	if err := config.LoadEnv(&site, siteEnvPrefix, os.LookupEnv); err != nil {
		return site, err
	}
	if err := s.apply(siteFlags, config.Keys(&site)); err != nil {
		return site, err
	}
	// These two are known to all commands of Gatewatch.
	var shared struct{ Server, Token string }
	if err := config.LoadEnv(&shared, "GATEWATCH_", os.LookupEnv); err != nil {
		return site, err
	}
	err = override(c, func() error {
		c.Server.Token = shared.Token
		if shared.Server != "" {
			c.Server.Address = shared.Server
		}
		return config.LoadEnv(c, envPrefix, os.LookupEnv)
	})
	if err != nil {
		return site, err
	}
	return site, override(c, func() error { return s.apply(nodeFlags, config.Keys(c)) })
}

// override applies a stronger source. A token in it takes the place of a token
// file in a weaker one, and the other way round.
func override(c *waf.Config, apply func() error) error {
	weaker := c.Server
	c.Server.Token, c.Server.TokenFile = "", ""
	if err := apply(); err != nil {
		return err
	}
	if c.Server.Token == "" && c.Server.TokenFile == "" {
		c.Server.Token, c.Server.TokenFile = weaker.Token, weaker.TokenFile
	}
	return nil
}
