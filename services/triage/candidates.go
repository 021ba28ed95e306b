package triage

import (
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// candidates are decisions to draw from, with the names of all.
type candidates struct {
	decisions []verdict.Candidate
	refs      []Ref
	times     []time.Time
	sites     map[string]uint32 // number of each
	received  time.Time         // of the newest decision seen, whether or not it is a candidate
}

func (c *candidates) add(x *Decision) {
	site, ok := c.sites[x.Site]
	if !ok {
		site = uint32(len(c.sites))
		c.sites[x.Site] = site
	}
	c.decisions = append(c.decisions, verdict.Candidate{Scope: site, Blocked: x.Blocked, PAttack: x.PAttack})
	c.refs = append(c.refs, x.Ref)
	c.times = append(c.times, x.Time)
}
