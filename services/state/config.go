package state

import (
	"cmp"
	"errors"
	"time"
)

// Config says how long the state keeps what. Its zero value is the default; a
// negative age keeps all.
type Config struct {
	ClosedAge  time.Duration `help:"time since it was closed after which an alert is deleted; negative keeps all"`
	OpenAge    time.Duration `help:"time since its last change after which an alert that is not closed is deleted; negative keeps all"`
	MaxAlerts  int           `help:"number of alerts above which the oldest closed ones, then the oldest of the lowest severity are deleted"`
	LabelAge   time.Duration `help:"time after which labels of decisions, and the draws for them, are deleted; negative keeps all"`
	VerdictAge time.Duration `help:"time after which the newest verdict of a decision, and counts of the hits of exclusions, are deleted; negative keeps all"`
}

const day = 24 * time.Hour

// WithDefaults fills in zero fields.
func (c Config) WithDefaults() Config {
	c.ClosedAge = cmp.Or(c.ClosedAge, 90*day)
	c.OpenAge = cmp.Or(c.OpenAge, 365*day)
	c.MaxAlerts = cmp.Or(c.MaxAlerts, 1_000_000)
	c.LabelAge = cmp.Or(c.LabelAge, 2*365*day)
	c.VerdictAge = cmp.Or(c.VerdictAge, 365*day)
	return c
}

// Validate names the key that is out of range.
func (c Config) Validate() error {
	if c.MaxAlerts < 0 {
		return errors.New("max_alerts: must not be negative")
	}
	return nil
}
