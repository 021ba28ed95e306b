package pipeline

import (
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/queue"
)

// source is how the records of one (source, format) are read.
type source struct {
	format  *parse.Format
	context parse.Context
	judged  bool    // decisions of a WAF get a verdict
	prior   float64 // see [Config.Prior]
	node    bool    // they came through the stream of a node
	kept    bool    // they are copies of requests, which nothing looks at
}

type sourceKey struct{ source, format string }

// contexts finds the parser and its context for a group. Its memory is bounded:
// beyond maxContexts, contexts are made anew for each group.
type contexts struct {
	config Config
	known  map[sourceKey]*source
	zones  map[string]*time.Location
	trust  map[string]*parse.Trusted // by source; "" holds the default
}

const maxContexts = 10_000

func newContexts(cfg Config) (*contexts, error) {
	c := &contexts{
		config: cfg, known: map[sourceKey]*source{},
		zones: map[string]*time.Location{}, trust: map[string]*parse.Trusted{},
	}
	if v := cfg.Verdicts; v != "" && v != verdictsOn && v != verdictsOff {
		return nil, fmt.Errorf("pipeline.verdicts: want on or off, have %q", v)
	}
	if p := cfg.Prior; p < 0 || p >= 1 {
		return nil, fmt.Errorf("pipeline.prior: want a share between 0 and 1, have %v", p)
	}
	add := func(key, name, zone, format string, proxies []string) error {
		if _, ok := parse.Lookup(format); format != "" && !ok {
			return fmt.Errorf("%s.format: unknown format %q", key, format)
		}
		loc, err := time.LoadLocation(zone) // "" is UTC
		if err != nil {
			return fmt.Errorf("%s.zone: %w", key, err)
		}
		t, err := parse.NewTrusted(proxies)
		if err != nil {
			return fmt.Errorf("%s.trusted_proxies: %w", key, err)
		}
		c.zones[name], c.trust[name] = loc, t
		return nil
	}
	if err := add("pipeline", "", cfg.Zone, "", cfg.TrustedProxies); err != nil {
		return nil, err
	}
	for name, s := range cfg.Sources {
		if s.Zone == "" {
			s.Zone = cfg.Zone
		}
		if s.TrustedProxies == nil {
			s.TrustedProxies = cfg.TrustedProxies
		}
		if err := add("pipeline.sources."+name, name, s.Zone, s.Format, s.TrustedProxies); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// of returns how the records of a group are read. A format that is not known
// (the record was queued by a newer version) is read as auto.
func (c *contexts) of(g *queue.Group) *source {
	key := sourceKey{g.Source, g.Format}
	if s := c.known[key]; s != nil {
		return s
	}
	name := g.Format
	override, ok := c.config.Sources[g.Source]
	if ok && override.Format != "" {
		name = override.Format
	}
	f, known := parse.Lookup(name)
	if g.Format == VerdictFormat && g.Source == detection.Source {
		f, known = revisions, true
	}
	isKept := g.Format == kept.Format
	if isKept {
		f, known = requests, true
	}
	isNode := g.Format == parse.NodeFormat
	if isNode {
		f, known = parse.Lookup("coraza.waf")
	}
	if !known {
		f, _ = parse.Lookup("auto")
	}
	from := g.Source
	if !ok {
		from = ""
	}
	s := &source{format: f, context: parse.Context{Zone: c.zones[from], Trusted: c.trust[from]}, judged: c.config.Verdicts != verdictsOff, prior: c.config.Prior, node: isNode, kept: isKept}
	if len(c.known) < maxContexts {
		c.known[key] = s
	}
	return s
}
