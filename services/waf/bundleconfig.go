package waf

import (
	"crypto/ed25519"
	"fmt"

	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// BundleConfig says whose rule-set bundles a node uses. The zero value is the
// default: nobody's.
type BundleConfig struct {
	TrustedKeys []string `help:"public keys of servers whose rule-set bundles are used (gatewatch waf bundle key); default none, which refuses all"`
	Dir         string   `help:"folder that keeps the bundles in use; default the folder of the spool with -bundles behind it"`
}

func (c BundleConfig) withDefaults(spool string) BundleConfig {
	if c.Dir == "" {
		c.Dir = spool + "-bundles"
	}
	return c
}

// keys reads the trusted keys; the error names the key of the configuration.
func (c BundleConfig) keys() ([]ed25519.PublicKey, error) {
	var all []ed25519.PublicKey
	for i, text := range c.TrustedKeys {
		key, err := bundle.ParsePublic(text)
		if err != nil {
			return nil, fmt.Errorf("trusted_keys[%d]: %w", i, err)
		}
		all = append(all, key)
	}
	return all, nil
}
