package triage

import "fmt"

// Config says what the desk does by itself. The zero value is the default.
type Config struct {
	Shadow ShadowConfig
}

// ShadowConfig bounds the shadow evaluation of kept requests. The zero value is
// the default.
type ShadowConfig struct {
	Off       bool    `help:"do not judge kept requests again at paranoia level 4"`
	Share     float64 `help:"part of one processor that this may take, above 0 and at most 1; default 0.1"`
	PerMinute int     `yaml:"per_minute" help:"most requests that are judged again in a minute, two thirds of them suspect ones, 1 to 1000; default 30"`
}

// maxPerMinute bounds ShadowConfig.PerMinute: each is a record of the queue and a
// row of the state.
const maxPerMinute = 1000

// WithDefaults fills in what stands for a default.
func (c Config) WithDefaults() Config {
	if c.Shadow.Share == 0 {
		c.Shadow.Share = 0.1
	}
	if c.Shadow.PerMinute == 0 {
		c.Shadow.PerMinute = 30
	}
	return c
}

// Validate names the key that is wrong. Defaults are filled in.
func (c Config) Validate() error {
	switch s := c.Shadow; {
	case !(s.Share > 0 && s.Share <= 1):
		return fmt.Errorf("shadow.share: want above 0 and at most 1, have %v", s.Share)
	case s.PerMinute < 1 || s.PerMinute > maxPerMinute:
		return fmt.Errorf("shadow.per_minute: want 1 to %d, have %d", maxPerMinute, s.PerMinute)
	}
	return nil
}
