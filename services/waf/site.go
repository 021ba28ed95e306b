package waf

import (
	"errors"
	"fmt"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// Mode is what a site does about a decision to block.
type Mode string

// The modes.
const (
	ModeBlock  Mode = "block"  // carries it out
	ModeDetect Mode = "detect" // reports it
)

// SiteConfig is one site behind a node. The zero value of a field is its
// default.
type SiteConfig struct {
	Name            string        `help:"name of the site in events; default default"`
	Hosts           []string      `help:"hosts of the site: names, *.example.com, or * for all others; default *"`
	Upstreams       []string      `help:"URLs of the servers behind the node, taken in turn"`
	UpstreamHost    string        `help:"Host that the upstreams are asked for; default that of the request"`
	UpstreamCA      string        `help:"file of the authorities that sign the upstreams' certificates; default the system's"`
	UpstreamTimeout time.Duration `help:"how long an upstream may take until its answer begins; default 60s"`
	Mode            Mode          `help:"block, or detect: judge and report without blocking; default block"`
	OnError         string        `help:"allow or block requests that can not be judged (panic, overload); default block"`
	OverLimit       string        `help:"bodies larger than is judged, in block mode: reject: refuse with 413; partial: judge the first part; uploads: judge the first part of multipart, refuse others; default uploads"`
	MaxBodyBytes    int64         `help:"size of request bodies that are refused with 413 whatever the rules say; default none"`
	Events          string        `help:"which requests become events: all, matched or blocked; default all"`
	Verdicts        string        `help:"on or off: give each decision a verdict, the probability that it was wrong, with its evidence; default on"`
	Prior           float64       `help:"share of attacks among requests that verdicts are calibrated for, between 0 and 1; 0 is that of the model's training data"`
	Mask            Masking       `help:"masking of values in events: credentials, strict or off; default credentials"`
	MaskValueBytes  int           `help:"how much of a matched value is kept; default 256"`
	Replay          ReplayConfig  `help:"requests that are kept for replay"`
	Request         RequestLimits `help:"limits of requests that are given to the rules"`
	Session         SessionConfig `help:"how sessions and sign-ins can be seen"`
	Rules           Settings      `help:"how requests are judged"`
}

func (c SiteConfig) withDefaults() SiteConfig {
	text := func(s *string, to string) {
		if *s == "" {
			*s = to
		}
	}
	text(&c.Name, "default")
	text(&c.OnError, actionBlock)
	text(&c.OverLimit, overUploads)
	text(&c.Events, eventsAll)
	text(&c.Verdicts, verdictsOn)
	text((*string)(&c.Mode), string(ModeBlock))
	text((*string)(&c.Mask), string(MaskCredentials))
	if len(c.Hosts) == 0 {
		c.Hosts = []string{"*"}
	}
	if c.UpstreamTimeout == 0 {
		c.UpstreamTimeout = time.Minute
	}
	if c.MaskValueBytes == 0 {
		c.MaskValueBytes = 256
	}
	c.Rules = c.Rules.withDefaults()
	c.Request = c.Request.withDefaults()
	c.Replay = c.Replay.withDefaults(c.Mask)
	return c
}

// Values of SiteConfig.OverLimit and SiteConfig.Events.
const (
	overPartial   = "partial"
	overReject    = "reject"
	overUploads   = "uploads"
	eventsAll     = "all"
	eventsMatched = "matched"
	eventsBlocked = "blocked"
)

// validate names the key that is wrong. Defaults are filled in.
func (c SiteConfig) validate() error {
	for _, choice := range []struct{ key, value, allowed string }{
		{"mode", string(c.Mode), "block detect"},
		{"on_error", c.OnError, "allow block"},
		{"over_limit", c.OverLimit, "partial reject uploads"},
		{"events", c.Events, "all matched blocked"},
		{"verdicts", c.Verdicts, "on off"},
	} {
		if !strings.Contains(" "+choice.allowed+" ", " "+choice.value+" ") || strings.Contains(choice.value, " ") {
			return fmt.Errorf("%s: %q is not one of %s", choice.key, choice.value, strings.ReplaceAll(choice.allowed, " ", ", "))
		}
	}
	if len(c.Upstreams) == 0 {
		return errors.New("upstreams: none given, want a URL such as http://127.0.0.1:3000")
	}
	if c.MaskValueBytes < 1 || c.MaskValueBytes > 64<<10 {
		return fmt.Errorf("mask_value_bytes: %d is not between 1 and 65536", c.MaskValueBytes)
	}
	if c.Prior < 0 || c.Prior >= 1 {
		return fmt.Errorf("prior: %v is not between 0 and 1", c.Prior)
	}
	if c.UpstreamTimeout < 0 {
		return fmt.Errorf("upstream_timeout: %s is negative", c.UpstreamTimeout)
	}
	if err := c.Mask.validate(); err != nil {
		return err
	}
	if err := c.Session.validate(); err != nil {
		return fmt.Errorf("session.%w", err)
	}
	if err := c.Replay.validate(); err != nil {
		return fmt.Errorf("replay.%w", err)
	}
	if err := c.Request.validate(); err != nil {
		return fmt.Errorf("request.%w", err)
	}
	if err := c.Rules.validate(); err != nil {
		return fmt.Errorf("rules.%w", err)
	}
	return nil
}

// site is a site in service. It does not change.
type site struct {
	name       string
	mode       Mode
	engine     *Engine // nil of nowhere
	mask       eventMask
	valueBytes int
	config     SiteConfig
	model      *verdict.Model // of verdicts
	sessions   *sessions      // nil sees none
	backends   *backends
	proxy      *httputil.ReverseProxy
	candidate  bool   // it is the site of a trial
	trial      *trial // other rules that are tried out, nil for none
}

// rejects tells whether a body is refused of which only a part would be judged.
func (s *site) rejects(v *evaluation) bool {
	switch {
	case s.mode != ModeBlock:
		return false
	case s.config.OverLimit == overUploads:
		return v.processor() != "MULTIPART"
	}
	return s.config.OverLimit == overReject
}

// nowhere stands for the site of requests whose host no site has.
var nowhere = &site{mode: ModeBlock, mask: eventMask{policy: MaskCredentials}}

// wants tells whether the exchange is to become an event.
func (s *site) wants(x *exchange) bool {
	blocked := x.action == actionBlock || x.decision.Block || x.reason != ""
	switch s.config.Events {
	case eventsBlocked:
		return blocked
	case eventsMatched:
		return blocked || len(x.decision.Matches) > 0
	}
	return true
}

// router finds the site of a host.
type router struct {
	exact    map[string]*site
	suffixes map[string]*site // ".example.com" for *.example.com
	rest     *site
}

// add enters a site under its hosts.
func (r *router) add(s *site, hosts []string) error {
	for _, h := range hosts {
		host := strings.TrimSuffix(strings.ToLower(h), ".")
		var taken *site
		switch {
		case host == "*":
			taken, r.rest = r.rest, s
		case strings.HasPrefix(host, "*."):
			taken = r.suffixes[host[1:]]
			r.suffixes[host[1:]] = s
		case host == "" || strings.ContainsAny(host, "*/ "):
			return fmt.Errorf("hosts: %q is neither a name nor *.name nor *", h)
		default:
			taken = r.exact[host]
			r.exact[host] = s
		}
		if taken != nil {
			return fmt.Errorf("hosts: %q is a host of site %s already", h, taken.name)
		}
	}
	return nil
}

// find returns the site of a Host header, nil if there is none.
func (r *router) find(hostport string) *site {
	if len(r.exact) == 0 && len(r.suffixes) == 0 {
		return r.rest
	}
	host, _ := splitHost(hostport)
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if s := r.exact[host]; s != nil {
		return s
	}
	for rest := host; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return r.rest
		}
		rest = rest[dot:]
		if s := r.suffixes[rest]; s != nil {
			return s
		}
		rest = rest[1:]
	}
}
