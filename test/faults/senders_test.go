package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	gatewatchv1 "github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/test/server"
)

// acked collects the ids that the server has acknowledged.
type acked struct {
	waiting atomic.Int64 // requests without an answer

	mu     sync.Mutex
	ids    map[string]bool
	frozen bool
}

func (a *acked) add(ids ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.frozen {
		return
	}
	for _, id := range ids {
		a.ids[id] = true
	}
}

// freeze counts no acknowledgement from now on.
func (a *acked) freeze() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.frozen = true
}

func (a *acked) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ids)
}

const bulkItems = 50

// pace is the least time between batches, so that long runs stay comparable.
const pace = time.Millisecond

// bulk sends batches to _bulk until ctx ends, each again until all its items
// are acknowledged.
func bulk(ctx context.Context, addr string, sender int, a *acked) {
	client := &http.Client{Timeout: 5 * time.Second}
	for n := 0; ctx.Err() == nil; n++ {
		body, ids := bulkBody(sender, n)
		server.Pause(pace)
		for ctx.Err() == nil && !sendBulk(ctx, client, addr, body, ids, a) {
			server.Pause(10 * time.Millisecond)
		}
	}
}

// bulkBody is batch n of a sender.
func bulkBody(sender, n int) (body []byte, ids []string) {
	for i := range bulkItems {
		id := fmt.Sprintf("b%d-%d-%d", sender, n, i)
		ids = append(ids, id)
		body = fmt.Appendf(body, `{"create":{"_id":%q}}`+"\n"+`{"message":"bulk %s"}`+"\n", id, id)
	}
	return body, ids
}

// sendBulk tells whether every item is acknowledged: stored now, or before.
func sendBulk(ctx context.Context, client *http.Client, addr string, body []byte, ids []string, a *acked) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/faults/_bulk", bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	a.waiting.Add(1)
	defer a.waiting.Add(-1)
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var answer struct {
		Items []map[string]struct{ Status int }
	}
	if res.StatusCode != http.StatusOK || json.NewDecoder(res.Body).Decode(&answer) != nil || len(answer.Items) != len(ids) {
		return false
	}
	all := true
	for i, item := range answer.Items {
		switch item["create"].Status {
		case http.StatusCreated, http.StatusConflict:
			a.add(ids[i])
		default:
			all = false
		}
	}
	return all
}

// node streams records like a WAF node: it keeps what is not acknowledged and
// goes on after the sequence number that the server names.
type node struct {
	name   string
	epoch  []byte
	sent   atomic.Uint64 // highest sequence number sent
	acks   atomic.Uint64 // highest acknowledged sequence number
	frozen atomic.Bool   // no acknowledgement counts from now on
}

func (n *node) run(ctx context.Context, addr string) {
	for ctx.Err() == nil {
		n.stream(ctx, addr)
		server.Pause(10 * time.Millisecond)
	}
}

func (n *node) stream(ctx context.Context, addr string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return
	}
	defer conn.Close()
	s, err := gatewatchv1.NewNodeServiceClient(conn).Stream(ctx)
	if err != nil {
		return
	}
	hello := &gatewatchv1.Hello{Node: n.name, Epoch: n.epoch, Status: &gatewatchv1.NodeStatus{Version: "test"}}
	if s.Send(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Hello{Hello: hello}}) != nil {
		return
	}
	first, err := s.Recv()
	if err != nil || first.GetWelcome() == nil {
		return
	}
	for next := first.GetWelcome().GetSequence() + 1; ctx.Err() == nil; {
		server.Pause(pace)
		batch := &gatewatchv1.Batch{FirstSequence: next, Format: "json"}
		for range 100 {
			batch.Records = append(batch.Records, fmt.Appendf(nil, `{"message":"node %d"}`, next))
			next++
		}
		if s.Send(&gatewatchv1.StreamRequest{Message: &gatewatchv1.StreamRequest_Batch{Batch: batch}}) != nil {
			return
		}
		n.sent.Store(next - 1)
		for n.acks.Load() < next-1 {
			r, err := s.Recv()
			if err != nil || n.frozen.Load() {
				return
			}
			n.acks.Store(max(n.acks.Load(), r.GetAck().GetSequence()))
		}
	}
}
