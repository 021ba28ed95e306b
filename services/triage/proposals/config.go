package proposals

import (
	"errors"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

// Config says when exclusions are to be looked at again. The zero value is the
// default.
type Config struct {
	UnusedAfter time.Duration `help:"time after which an exclusion that no request has needed is to be retired; default 30 days"`
}

// WithDefaults fills in zero fields.
func (c Config) WithDefaults() Config {
	if c.UnusedAfter == 0 {
		c.UnusedAfter = 30 * 24 * time.Hour
	}
	return c
}

// Validate names the key that is out of range.
func (c Config) Validate() error {
	if c.UnusedAfter < 0 {
		return errors.New("unused_after: must not be negative")
	}
	return nil
}

// unused says why an applied exclusion should be retired, "" if it should not.
func (k *Keeper) unused(p *Proposal) string {
	if p.Status != state.Applied || p.Stage == "" {
		return ""
	}
	since, days := p.Updated, int(k.Config.UnusedAfter/(24*time.Hour))
	if p.Hits.Last.After(since) {
		since = p.Hits.Last
	}
	if k.Now().Sub(since) < k.Config.UnusedAfter {
		return ""
	}
	if p.Hits.Total == 0 {
		return fmt.Sprintf("no request has needed it in %d days", days)
	}
	return fmt.Sprintf("no request has needed it since %s, more than %d days ago", p.Hits.Last.Format(time.DateOnly), days)
}
