package main

import (
	"time"

	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/waf"
)

// shadowLimit is how long the sterner rules may take for one request. What takes
// longer is given up: it would cost minutes of rest.
const shadowLimit = 2 * time.Second

// newShadow makes what judges kept requests again by sterner rules, nil if that is
// off. The rules are compiled once there is a request to judge.
func (v *server) newShadow() *triage.Shadow {
	if v.settings.Triage.Shadow.Off {
		return nil
	}
	return triage.NewShadow(triage.ShadowOptions{
		Desk: v.desk, Config: v.settings.Triage.Shadow, Copies: requestLibrary(v.store, v.requests), Metrics: v.metrics,
		Open: func() (triage.ShadowRules, error) {
			sterner, err := waf.CompileSterner()
			if err != nil {
				return nil, err
			}
			return func(c *kept.Copy) ([]int, error) { return sterner.Rules(c, shadowLimit) }, nil
		},
	})
}
