package fleet

import (
	"context"
	"fmt"
	"time"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// driftTime is how long a node may differ from what it should be before that is
// told: an offer takes a moment.
const (
	driftTime  = time.Minute
	driftEvery = 10 * time.Second
)

// drifts finds out how connected nodes differ from the rollout in force, nil for
// none, and from each other.
func drifts(r *Rollout, all []Member) {
	for i := range all {
		if all[i].Connected && r != nil {
			all[i].Drift = driftFrom(r, &all[i])
		}
	}
	driftsBetween(all)
}

func driftFrom(r *Rollout, m *Member) string {
	want, s := r.offer(m.Name), m.Status
	switch {
	case s.GetBundleSerial() != want.Serial && m.Report.GetSerial() == want.Serial && m.Report.GetResult() == gatewatchv1.BundleResult_BUNDLE_RESULT_REFUSED:
		return fmt.Sprintf("has refused rollout %d: %s", want.Serial, m.Report.GetReason())
	case s.GetBundleSerial() != want.Serial:
		return fmt.Sprintf("runs rollout %d, not %d", s.GetBundleSerial(), want.Serial)
	case s.GetStableBundle() != want.Stable || s.GetCandidateBundle() != want.Candidate:
		return fmt.Sprintf("runs bundles %.12q and %.12q, not %.12q and %.12q", s.GetStableBundle(), s.GetCandidateBundle(), want.Stable, want.Candidate)
	}
	return ""
}

// driftsBetween finds nodes that judge a site by other rules than most nodes do that
// should run the same. all is in order of the names.
func driftsBetween(all []Member) {
	counts := map[[2]string]int{} // nodes by site and rule set
	usual := map[string]string{}  // rule set by site
	each := func(f func(m *Member, s *gatewatchv1.SiteStatus)) {
		for i := range all {
			if all[i].Connected && all[i].Drift == "" {
				for _, s := range all[i].Status.GetSiteStatus() {
					f(&all[i], s)
				}
			}
		}
	}
	each(func(_ *Member, s *gatewatchv1.SiteStatus) {
		site, now := s.GetSite(), s.GetRuleset()+" in mode "+s.GetMode()
		counts[[2]string{site, now}]++
		if usual[site] == "" || counts[[2]string{site, now}] > counts[[2]string{site, usual[site]}] {
			usual[site] = now
		}
	})
	var found []*Member
	var texts []string
	each(func(m *Member, s *gatewatchv1.SiteStatus) {
		if now := s.GetRuleset() + " in mode " + s.GetMode(); now != usual[s.GetSite()] {
			found = append(found, m)
			texts = append(texts, fmt.Sprintf("judges site %s by %s, most nodes by %s", s.GetSite(), now, usual[s.GetSite()]))
		}
	})
	for i, m := range found {
		if m.Drift == "" {
			m.Drift = texts[i]
		}
	}
}

// Watch tells of nodes that differ from what they should be, until the context ends.
func (f *Fleet) Watch(ctx context.Context) {
	tick := time.NewTicker(driftEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.TellDrift()
		}
	}
}

// TellDrift tells once of each difference that lasts. Watch calls it.
func (f *Fleet) TellDrift() {
	for _, x := range f.Members() {
		if f.lasts(x, f.Now()) {
			f.notice(x.Name, "ruleset-drift", "drift", x.Drift)
		}
	}
}

func (f *Fleet) lasts(x Member, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.members[x.Name]
	switch {
	case m == nil:
		return false
	case x.Drift == "":
		m.off, m.told = time.Time{}, ""
		return false
	case m.off.IsZero():
		m.off = now
	}
	if now.Sub(m.off) < driftTime || m.told == x.Drift {
		return false
	}
	m.told = x.Drift
	return true
}
