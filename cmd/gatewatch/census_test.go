package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/state"
)

// TestCensus: senders of earlier runs are listed beside those of this one, once.
func TestCensus(t *testing.T) {
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	db, err := state.Open(t.Context(), t.TempDir(), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := db.PutSources(t.Context(), []state.Source{{Name: "b", Formats: []string{"ecs"}, Received: at}, {Name: "c", Received: at}}); err != nil {
		t.Fatal(err)
	}
	if err := db.PutNodes(t.Context(), []state.Node{{Name: "edge-1", Version: "1.0", Sites: []string{"shop"}, Seen: at}, {Name: "edge-2", Seen: at}}); err != nil {
		t.Fatal(err)
	}
	c, err := openCensus(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range c.withSources([]*gatewatchv1.Source{{Name: "c", Received: 7}, {Name: "a", Received: 3}}) {
		line := s.GetName()
		if s.GetReceived() == 0 && s.GetLastReceivedTime().AsTime().Equal(at) {
			line += " earlier"
		}
		got = append(got, line)
	}
	for _, n := range c.withNodes([]*gatewatchv1.Node{{Name: "edge-2", Connected: true}}) {
		line := n.GetName()
		if !n.GetConnected() && n.GetVersion() == "1.0" && len(n.GetSites()) == 1 && n.GetLastSeenTime().AsTime().Equal(at) {
			line += " earlier"
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{"a", "b earlier", "c", "edge-1 earlier", "edge-2"}, got); diff != "" {
		t.Error(diff)
	}
}
