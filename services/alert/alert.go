// Package alert tells others of findings: each new alert of the state becomes a
// signed message to a webhook, within a budget; what exceeds it is summed up in a
// digest. WEBHOOK.md describes the messages for those who receive them.
package alert

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Config says whom to tell of what. The zero value tells nobody.
type Config struct {
	URL        string        `yaml:"url" help:"address that signed messages about findings are posted to, https, or http on this machine; empty tells nobody"`
	SecretFile string        `help:"file of the secrets that sign messages, one in a line, two at most while they are rotated: whsec_ and 24 to 64 bytes in base64; mode 0600; GATEWATCH_NOTIFY_SECRET wins"`
	CAFile     string        `yaml:"ca_file" help:"certificates (PEM) that the receiver's is checked against in place of the system's"`
	AllowHTTP  bool          `yaml:"allow_http" help:"post to other machines without TLS: who listens reads the findings"`
	Severity   int           `help:"findings of a lower severity (0 to 100) are not told; negative tells all"`
	PerHour    int           `help:"messages about single findings within any hour; those of a severity below 70 have half of them"`
	PerRule    int           `help:"of these, about findings of one rule"`
	Digest     time.Duration `help:"time that findings beyond per_hour and per_rule are gathered for one message"`
	GiveUp     time.Duration `help:"time after which a message that was never taken is given up, and its finding told in a digest"`
	Timeout    time.Duration `help:"time that one try may take"`
}

// WithDefaults fills in zero fields.
func (c Config) WithDefaults() Config {
	c.Severity = cmp.Or(c.Severity, 40)
	c.PerHour = cmp.Or(c.PerHour, 30)
	c.PerRule = cmp.Or(c.PerRule, 6)
	c.Digest = cmp.Or(c.Digest, 15*time.Minute)
	c.GiveUp = cmp.Or(c.GiveUp, 24*time.Hour)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	return c
}

// Bounds of the configuration.
const (
	maxPerHour = 10_000
	maxTimeout = time.Minute
	minDigest  = 10 * time.Second
)

// Validate names the key that is out of range.
func (c Config) Validate() error {
	c = c.WithDefaults()
	switch {
	case c.Severity > 100:
		return errors.New("severity: want at most 100")
	case c.PerHour < 1 || c.PerHour > maxPerHour:
		return fmt.Errorf("per_hour: want 1 to %d", maxPerHour)
	case c.PerRule < 1:
		return errors.New("per_rule: want 1 or more")
	case c.Digest < minDigest:
		return fmt.Errorf("digest: want %s or more", minDigest)
	case c.GiveUp < c.Timeout:
		return errors.New("give_up: want timeout or more")
	case c.Timeout < time.Second || c.Timeout > maxTimeout:
		return fmt.Errorf("timeout: want %s to %s", time.Second, maxTimeout)
	}
	if c.URL == "" {
		return nil
	}
	if _, err := c.target(); err != nil {
		return fmt.Errorf("url: %w", err)
	}
	return nil
}

// target returns the URL. Its text may hold a secret, and so it is in no error.
func (c Config) target() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return nil, errors.New("want a URL such as https://hooks.example.com/gatewatch")
	case u.User != nil:
		return nil, errors.New("want none with a user or password: messages are signed, see WEBHOOK.md")
	case u.Fragment != "":
		return nil, errors.New("want none with a fragment")
	case u.Scheme == "https":
		return u, nil
	case u.Scheme != "http":
		return nil, errors.New("want https")
	case !c.AllowHTTP && !isLoopback(u.Hostname()):
		return nil, errors.New("want https: http is for this machine, or for all with allow_http")
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
