package waf

import (
	"log/slog"
	"sync"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
)

// speaker is a stream on which any number of goroutines may send.
type speaker struct {
	gatewatchv1.NodeService_StreamClient
	mu sync.Mutex
}

// Send sends one message after the other.
func (s *speaker) Send(m *gatewatchv1.StreamRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.NodeService_StreamClient.Send(m)
}

// tellStatus sends what the node is like, and which exclusions have applied since the
// last time.
func (st *stream) tellStatus(rpc sender) error {
	s := st.status()
	if st.hits != nil {
		s.ExclusionHits = st.hits.take()
	}
	err := send(rpc, &gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Status{Status: s}})
	if err != nil && st.hits != nil {
		st.hits.give(s.GetExclusionHits())
	}
	return err
}

// tell sends the last answer to an offer, and what the node is like since. Without
// a stream, or if it ends, the next one begins with them.
func (st *stream) tell() {
	rpc := st.open.Load()
	if rpc == nil || st.report == nil {
		return
	}
	report := st.report()
	if report == nil {
		return
	}
	for _, m := range []*gatewatchv1.StreamRequest{
		{Message: &gatewatchv1.StreamRequest_Status{Status: st.status()}},
		{Message: &gatewatchv1.StreamRequest_Report{Report: report}},
	} {
		if err := send(rpc, m); err != nil {
			st.log.Debug("tell server of bundles", slog.Any("error", err))
			return
		}
	}
}
