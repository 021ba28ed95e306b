package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gatewatch/gatewatch/detection/event"
	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// Bounds of what is kept of nodes.
const (
	maxMembers = 10_000
	maxSites   = 256
)

// member is an enrolled node. Its fields are guarded by the fleet.
type member struct {
	wakes    map[int]func() // of its streams
	next     int
	status   *gatewatchv1.NodeStatus   // what it said last, never nil
	report   *gatewatchv1.BundleReport // nil before the first
	reported time.Time
	off      time.Time // since when it differs from what it should be; zero if it does not
	told     string    // the difference that was told of
}

// Attach adds a stream of an enrolled node. wake is called when there may be another
// offer; it must not wait. detach must be called when the stream has ended.
func (f *Fleet) Attach(node string, wake func()) (detach func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.members[node]
	if m == nil {
		f.forget()
		m = &member{wakes: map[int]func(){}, status: &gatewatchv1.NodeStatus{}}
		f.members[node] = m
	}
	id := m.next
	m.next++
	m.wakes[id] = wake
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(m.wakes, id)
	}
}

// forget makes room for one more. f.mu is held.
func (f *Fleet) forget() {
	if len(f.members) < maxMembers {
		return
	}
	for name, m := range f.members {
		if len(m.wakes) == 0 {
			delete(f.members, name)
			return
		}
	}
}

// Status takes what an enrolled node says about itself.
func (f *Fleet) Status(node string, s *gatewatchv1.NodeStatus) {
	if s == nil {
		return
	}
	s = proto.Clone(s).(*gatewatchv1.NodeStatus)
	s.SiteStatus = s.SiteStatus[:min(len(s.SiteStatus), maxSites)]
	f.count(node, s.GetExclusionHits())
	s.ExclusionHits = nil
	f.mu.Lock()
	m := f.members[node]
	var changes []string
	if m != nil {
		changes = modeChanges(m.status, s)
		m.status = s
	}
	f.mu.Unlock()
	for _, c := range changes {
		f.notice(node, "mode-changed", "mode", c)
	}
}

// Bounds of what a node may count.
const (
	maxRules = 4096
	maxCount = 1_000_000_000 // of a rule in one message
)

// count keeps how often exclusions applied on a node, for the day.
func (f *Fleet) count(node string, all []*gatewatchv1.RuleHits) {
	hits := map[int64]int64{}
	for _, x := range all[:min(len(all), maxRules)] {
		if x.GetRule() >= bundle.FirstRule && x.GetRule() <= bundle.LastRule && x.GetHits() > 0 {
			hits[x.GetRule()] = min(hits[x.GetRule()]+int64(min(x.GetHits(), maxCount)), maxCount)
		}
	}
	if len(hits) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := f.State.AddHits(ctx, node, hits); err != nil {
		f.Log.Error("count hits of exclusions", slog.String("node", node), slog.Any("error", err))
	}
}

// modeChanges names the sites whose mode is another one.
func modeChanges(old, new *gatewatchv1.NodeStatus) (all []string) {
	modes := map[string]string{}
	for _, s := range old.GetSiteStatus() {
		modes[s.GetSite()] = s.GetMode()
	}
	for _, s := range new.GetSiteStatus() {
		if was := modes[s.GetSite()]; was != "" && was != s.GetMode() {
			all = append(all, fmt.Sprintf("site %s went from %s to %s", s.GetSite(), was, s.GetMode()))
		}
	}
	return all
}

// Report takes the answer of an enrolled node to an offer. Where it has taken the
// bundles of the rollout in force back by itself, they are taken back everywhere.
func (f *Fleet) Report(node string, r *gatewatchv1.BundleReport) {
	f.mu.Lock()
	m, current := f.members[node], f.rollout
	again := m != nil && proto.Equal(m.report, r)
	if m != nil {
		m.report, m.reported = proto.Clone(r).(*gatewatchv1.BundleReport), f.Now()
	}
	f.mu.Unlock()
	if m == nil || again {
		return
	}
	serial := fmt.Sprintf("offer %d: ", r.GetSerial())
	switch r.GetResult() {
	case gatewatchv1.BundleResult_BUNDLE_RESULT_APPLIED:
		f.notice(node, actionApplied, "bundle", serial+"in use")
	case gatewatchv1.BundleResult_BUNDLE_RESULT_REFUSED:
		f.notice(node, "bundle-refused", "bundle", serial+r.GetReason())
	case gatewatchv1.BundleResult_BUNDLE_RESULT_WITHDRAWN:
		f.notice(node, "bundle-withdrawn", "bundle", serial+r.GetReason())
		if current != nil && current.Serial == r.GetSerial() {
			f.takeBack(r.GetSerial(), fmt.Sprintf("node %s took it back: %s", node, r.GetReason()))
		}
	}
}

// takeBack takes a rollout back unless another one has taken its place.
func (f *Fleet) takeBack(serial uint64, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := f.change(ctx, audit.Server, func(r Rollout) (Rollout, error) {
		if r.Serial != serial {
			return r, fmt.Errorf("rollout %d is not in force any more", serial)
		}
		return r.back(strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "?"))
	})
	if err != nil {
		f.Log.Error("take bundles back", slog.Uint64("serial", serial), slog.Any("error", err))
	}
}

// actionApplied is what a node did that uses what it was offered.
const actionApplied = "bundle-applied"

// notice makes an event of what a node did; rules find it.
func (f *Fleet) notice(node, action, reason, message string) {
	var e event.Event
	now := f.Now()
	e.Dataset, e.Time = "coraza.waf", now.UnixNano()
	e.AddText(event.EventCategory, "configuration")
	e.AddText(event.EventType, "change")
	e.AddText(event.EventAction, action)
	e.AddText(event.WAFReason, reason) // says that it is no decision
	outcome := "failure"
	if action == actionApplied {
		outcome = "success"
	}
	e.AddText(event.EventOutcome, outcome)
	e.AddText(event.WAFNode, node)
	e.AddText(event.Message, strings.ToValidUTF8(message, "?"))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := f.Record(ctx, e.AppendJSON(nil)); err != nil {
		f.Log.Error("record what a node did", slog.String("node", node), slog.String("action", action), slog.String("message", message), slog.Any("error", err))
	}
}

// Member is what is known of an enrolled node.
type Member struct {
	Name      string
	Connected bool
	Status    *gatewatchv1.NodeStatus
	Report    *gatewatchv1.BundleReport // nil before the first
	Reported  time.Time
	Drift     string // how it differs from what it should be, "" if it does not
}

// Members returns the enrolled nodes seen since the server started, by name.
func (f *Fleet) Members() []Member {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]Member, 0, len(f.members))
	for name, m := range f.members {
		all = append(all, Member{Name: name, Connected: len(m.wakes) > 0, Status: m.status, Report: m.report, Reported: m.reported})
	}
	slices.SortFunc(all, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	drifts(f.rollout, all)
	return all
}
