package waf

import (
	"errors"
	"testing"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// saying takes what is sent, unless it fails.
type saying struct {
	said []*gatewatchv1.StreamRequest
	fail error
}

func (s *saying) Send(m *gatewatchv1.StreamRequest) error {
	if s.fail == nil {
		s.said = append(s.said, m)
	}
	return s.fail
}

// TestHits tells the server once how often an exclusion applied.
func TestHits(t *testing.T) {
	n := startNode(t, bundleConfig(t, echo(t).URL, freeAddress(t))) // no server takes the hits away
	if err := n.bundles.take(offerOf(1, bundleOf(t, allowQ), nil, "", 0)); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, n, "/search"+script, 200)
	wantStatus(t, n, "/search?q=plain", 200)
	wantStatus(t, n, "/other"+script, 403)
	n.stop()
	to := &saying{fail: errors.New("the server is gone")}
	if err := n.stream.tellStatus(to); !errors.Is(err, to.fail) {
		t.Fatal(err)
	}
	to.fail = nil
	for range 2 {
		if err := n.stream.tellStatus(to); err != nil {
			t.Fatal(err)
		}
	}
	got := to.said[0].GetStatus().GetExclusionHits()
	if len(got) != 1 || got[0].GetHits() != 2 || !isExclusion(int(got[0].GetRule())) || len(to.said[1].GetStatus().GetExclusionHits()) != 0 {
		t.Errorf("hits %v", to.said)
	}
}

// TestHitsOfPromotions counts a request once however often a promoted rule matches it.
func TestHitsOfPromotions(t *testing.T) {
	n := startNode(t, bundleConfig(t, echo(t).URL, freeAddress(t))) // no server takes the hits away
	promoted := `SecRule ARGS|ARGS_NAMES "@contains seven" "id:9950007,phase:2,block,t:none,multiMatch,msg:'rule 941380 at paranoia level 1: x',severity:'CRITICAL',setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"`
	if err := n.bundles.take(offerOf(1, bundleOf(t, promoted), nil, "", 0)); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, n, "/search?a=seven&seven=seven", 403)
	wantStatus(t, n, "/search?a=six", 200)
	n.stop()
	to := &saying{}
	if err := n.stream.tellStatus(to); err != nil {
		t.Fatal(err)
	}
	got := to.said[0].GetStatus().GetExclusionHits()
	if len(got) != 1 || got[0].GetRule() != 9950007 || got[0].GetHits() != 1 {
		t.Errorf("hits %v", got)
	}
}
