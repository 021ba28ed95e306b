package main

import (
	"time"

	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// openProposals makes what looks for proposals and applies them.
func (v *server) openProposals() *proposals.Keeper {
	return proposals.New(proposals.Options{
		State: v.state, Fleet: v.fleet, Audit: v.audit.Append, Now: time.Now, Log: v.log, Config: v.settings.Proposals,
		Live: tuning.Live{Desk: v.desk, Copies: requestLibrary(v.store, v.requests)},
	})
}
