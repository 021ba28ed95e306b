package waf

import (
	"net/netip"

	"github.com/cespare/xxhash/v2"
)

// trial is a candidate for the rules of a site. It does not change.
type trial struct {
	site   *site   // as the candidate has it, nil for shadow
	share  int     // percent of the clients that it judges
	salt   string  // name of the bundle: other clients each time
	beside *Engine // judges beside the rules in use, nil for canary
}

// has tells whether the candidate judges the requests of a client, on every node
// alike.
func (t *trial) has(client netip.Addr) bool {
	if t.site == nil {
		return false
	}
	key, _ := clientKey(client).MarshalBinary() // never fails
	return int(xxhash.Sum64(append([]byte(t.salt), key...))%100) < t.share
}

// of returns the site as it judges a client.
func (s *site) of(client netip.Addr) *site {
	if s != nil && s.trial != nil && s.trial.has(client) {
		return s.trial.site
	}
	return s
}

// count tells the tally of the bundles what became of a request.
func (n *Node) count(x *exchange) {
	if x.site == nowhere {
		return
	}
	arm := armStable
	if x.site.candidate {
		arm = armCandidate
	}
	failed := x.status >= 500 && x.action != actionBlock
	switch x.reason {
	case reasonPanic, reasonEngine, reasonTime, reasonUpstream:
		failed = true
	}
	n.bundles.hits.add(x.decision.Exclusions)
	n.bundles.tally.add(x.ended, arm, x.client.Addr(), x.judged && x.decision.Block, failed)
}
