package waf

import (
	"maps"
	"slices"
	"sync"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// hits counts the requests to which rules of exclusions applied, until the server
// knows of them. It may be used by any number of goroutines.
type hits struct {
	mu sync.Mutex
	n  map[int]uint64 // by id of the rule
}

// maxHits bounds how many rules are counted; a bundle has no more.
const maxHits = 4096

// add counts one request.
func (h *hits) add(rules []int) {
	if len(rules) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n == nil {
		h.n = map[int]uint64{}
	}
	for _, id := range rules {
		if _, known := h.n[id]; known || len(h.n) < maxHits {
			h.n[id]++
		}
	}
}

// take returns the counts, by id, and begins anew.
func (h *hits) take() []*gatewatchv1.RuleHits {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*gatewatchv1.RuleHits
	for _, id := range slices.Sorted(maps.Keys(h.n)) {
		all = append(all, &gatewatchv1.RuleHits{Rule: int64(id), Hits: h.n[id]})
	}
	h.n = nil
	return all
}

// give takes counts back that could not be told.
func (h *hits) give(all []*gatewatchv1.RuleHits) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n == nil && len(all) > 0 {
		h.n = map[int]uint64{}
	}
	for _, x := range all {
		h.n[int(x.GetRule())] += x.GetHits()
	}
}

// isExclusion tells the rules of exclusions of bundles.
func isExclusion(id int) bool { return id >= bundle.FirstRule && id <= bundle.LastRule }
