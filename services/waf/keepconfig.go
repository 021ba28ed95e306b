package waf

import "fmt"

// ReplayConfig says which requests of a site are kept for replay. The zero value
// is the default.
type ReplayConfig struct {
	Keep         string   `help:"requests of which a copy goes to the server, with credentials masked: blocked; suspect: also allowed ones that are likely attacks; sample: also some of the other allowed ones; off; default sample, off where mask is strict"`
	Sample       float64  `help:"probability with which an allowed request is kept that is not suspect; default 0.01"`
	Suspect      float64  `help:"probability of an attack, by its verdict, from which on an allowed request is suspect; default 0.5"`
	MaxBodyBytes int64    `help:"how much of a body is kept, at most 1MiB; default 64KiB"`
	Mask         []string `help:"names of parameters, headers and members whose values are credentials, in copies and in events, besides those that are known as such"`
}

// Values of ReplayConfig.Keep, each with all that the one before keeps.
const (
	keepOff     = "off"
	keepBlocked = "blocked"
	keepSuspect = "suspect"
	keepSample  = "sample"
)

// maxCopiedBody bounds the body of a copy.
const maxCopiedBody = 1 << 20

func (c ReplayConfig) withDefaults(mask Masking) ReplayConfig {
	switch {
	case c.Keep != "":
	case mask == MaskStrict:
		c.Keep = keepOff
	default:
		c.Keep = keepSample
	}
	if c.Sample == 0 {
		c.Sample = 0.01
	}
	if c.Suspect == 0 {
		c.Suspect = 0.5
	}
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 64 << 10
	}
	return c
}

// validate names the key that is wrong. Defaults are filled in.
func (c ReplayConfig) validate() error {
	switch c.Keep {
	case keepOff, keepBlocked, keepSuspect, keepSample:
	default:
		return fmt.Errorf("keep: %q is not one of off, blocked, suspect, sample", c.Keep)
	}
	switch {
	case !(c.Sample > 0 && c.Sample <= 1):
		return fmt.Errorf("sample: %v is not above 0 and at most 1; to keep none set keep to suspect", c.Sample)
	case !(c.Suspect > 0 && c.Suspect <= 1):
		return fmt.Errorf("suspect: %v is not above 0 and at most 1", c.Suspect)
	case c.MaxBodyBytes < 1 || c.MaxBodyBytes > maxCopiedBody:
		return fmt.Errorf("max_body_bytes: %d is not between 1 and %d", c.MaxBodyBytes, maxCopiedBody)
	case len(c.Mask) > 1000:
		return fmt.Errorf("mask: %d names are more than 1000", len(c.Mask))
	}
	for _, name := range c.Mask {
		if plainName(name) == "" {
			return fmt.Errorf("mask: %q has neither letters nor digits", name)
		}
	}
	return nil
}
