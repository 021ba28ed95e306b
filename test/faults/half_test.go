package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/gatewatch/gatewatch/test/server"
)

// TestHalfABulk sends a request whose end is missing: what is whole is stored,
// and each item has its status.
func TestHalfABulk(t *testing.T) {
	s := server.Start(t, t.TempDir())
	body, ids := bulkBody(0, 0)
	statuses := func(body []byte) []int {
		t.Helper()
		r := post(t, s, "/half/_bulk", bytes.NewReader(body))
		var answer struct {
			Errors bool
			Items  []map[string]struct {
				Status int
				ID     string `json:"_id"`
			}
		}
		if err := json.Unmarshal([]byte(r.body), &answer); err != nil || r.status != http.StatusOK {
			t.Fatalf("half a request is answered with %d: %v: %.300s", r.status, err, r.body)
		}
		var all []int
		bad := false
		for i, item := range answer.Items {
			for op, it := range item {
				all = append(all, it.Status)
				bad = bad || it.Status > 299
				if op == "create" && it.ID != ids[i] {
					t.Errorf("item %d has id %q, want %q", i, it.ID, ids[i])
				}
			}
		}
		if answer.Errors != bad {
			t.Errorf("errors is %v for %v", answer.Errors, all)
		}
		return all
	}
	lines := bytes.SplitAfter(body, []byte("\n"))
	whole := bytes.Join(lines[:20], nil) // ten items
	document, action := lines[21], lines[20]
	half := append(append(bytes.Clone(whole), action...), document[:len(document)/2]...)
	if got := statuses(half); len(got) != 11 || got[0] != 201 || got[9] != 201 || got[10] != 400 {
		t.Errorf("a document that is cut off gives %v", got)
	}
	if got := statuses(append(bytes.Clone(whole), action...)); len(got) != 11 || got[9] != 409 || got[10] != 400 {
		t.Errorf("an action without its document gives %v", got)
	}
	if got := statuses(append(bytes.Clone(whole), action[:len(action)/2]...)); len(got) != 11 || got[9] != 409 || got[10] != 400 {
		t.Errorf("an action that is cut off gives %v", got)
	}
	// A connection that ends before the body does stores nothing.
	conn, err := net.Dial("tcp", s.Addr.Ingest)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /half/_bulk HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n", len(body))
	conn.Write(body[:len(body)-10])
	conn.Close()
	if got := statuses(body); len(got) != bulkItems || got[9] != 409 || got[10] != 201 || got[bulkItems-1] != 201 {
		t.Errorf("sent again as a whole it gives %v", got)
	}
	if lost := missing(t, ids, found(t, s)); len(lost) > 0 {
		t.Errorf("%d records are lost", len(lost))
	}
}
