package faults

import (
	"net/http"
	"testing"

	"github.com/gatewatch/gatewatch/test/server"
)

// TestSourcesAfterRestart: a source that is silent since the start is still listed,
// with the time of its last record.
func TestSourcesAfterRestart(t *testing.T) {
	s := server.Start(t, t.TempDir())
	fill(t, s, 1)
	type source struct {
		Name             string `json:"name"`
		LastReceivedTime string `json:"lastReceivedTime"`
		LastReceived     string `json:"last_received_time"`
	}
	list := func() []source {
		t.Helper()
		var answer struct {
			Sources []source `json:"sources"`
		}
		if !call(t.Context(), s.Addr.HTTP, s.Token, http.MethodGet, "/api/v1/sources", "", &answer) {
			t.Fatal("the sources cannot be listed")
		}
		return answer.Sources
	}
	before := list()
	s.Stop(t)
	s.Restart(t)
	after := list()
	if len(before) != 1 || len(after) != 1 || before[0] != after[0] || after[0].LastReceived+after[0].LastReceivedTime == "" {
		t.Errorf("sources before the restart %+v, after it %+v", before, after)
	}
}
