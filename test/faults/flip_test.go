package faults

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

var flips = flag.Int("flips", 6, "bits to flip in the queue and in the store, one at a time")

// fill sends that many batches one after the other, so that their documents
// follow each other in the queue, and returns their ids in order.
func fill(t *testing.T, s *server.Server, batches int) []string {
	t.Helper()
	var ids []string
	a := &acked{ids: map[string]bool{}}
	client := &http.Client{Timeout: 10 * time.Second}
	for n := range batches {
		body, batch := bulkBody(0, n)
		if !sendBulk(context.Background(), client, s.Addr.Ingest, body, batch, a) {
			t.Fatalf("batch %d was not taken: %s", n, s.Log())
		}
		ids = append(ids, batch...)
	}
	return ids
}

// flip turns one bit of a file, at or behind a byte.
func flip(t *testing.T, rnd *rand.Rand, name string, from int) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at, bit := from+rnd.IntN(len(b)-from), rnd.IntN(8)
	b[at] ^= 1 << bit
	writeFile(t, name, b)
	return fmt.Sprintf("bit %d of byte %d of %s", bit, at, filepath.Base(name))
}

// damaged copies a data folder, damages the copy and starts a server on it.
func damaged(t *testing.T, data string, damage func(t *testing.T, data string) string) (*server.Server, string) {
	t.Helper()
	into := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(into, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"admin.token", "tokens.json", "audit/key", "bundle.key"} {
		if err := os.Chmod(filepath.Join(into, secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	what := damage(t, into)
	s := server.Start(t, into)
	settle(t, s)
	return s, what
}

// missing returns the places in ids of those that are not found.
func missing(t *testing.T, ids []string, events []server.Event) []int {
	t.Helper()
	found := map[string]int{}
	for _, e := range events {
		found[e.Text("event.id")]++
	}
	var lost []int
	for i, id := range ids {
		if found[id] == 0 {
			lost = append(lost, i)
		}
	}
	if len(events) != len(ids)-len(lost) {
		t.Errorf("%d events are found and %d of %d are lost", len(events), len(lost), len(ids))
	}
	return lost
}

const allBulk = "gatewatch.source: bulk*"

var lostRecords = regexp.MustCompile(`msg="records of the queue are lost" from=(\d+) to=(\d+)`)

// TestFlippedBitInQueue damages a log whose records are nowhere else: that costs
// one record group, and the server names exactly its records.
func TestFlippedBitInQueue(t *testing.T) {
	rnd := random(t)
	s := server.Start(t, t.TempDir())
	// The server itself has appended which rules it has.
	first, from := int(s.Metrics(t)["gatewatch_queue_next_offset"]), queueBytes(t, s)
	ids := fill(t, s, 200)
	if next := int(s.Metrics(t)["gatewatch_queue_next_offset"]); next != first+len(ids) {
		t.Fatalf("the queue goes from %d to %d with %d documents", first, next, len(ids))
	}
	s.Kill()
	whole := func(*testing.T, string) string { return "nothing" }
	if c, _ := damaged(t, s.Data, whole); len(missing(t, ids, c.Find(t, allBulk))) > 0 || strings.Contains(c.Log(), "lost") {
		t.Fatalf("the control without damage lost records: %s", c.Log())
	}
	for range *flips {
		d, what := damaged(t, s.Data, func(t *testing.T, data string) string {
			return flip(t, rnd, newest(t, filepath.Join(data, "queue", "*.seg")), from)
		})
		lost := missing(t, ids, d.Find(t, allBulk))
		said := lostRecords.FindAllStringSubmatch(d.Log(), -1) // by each who reads the queue
		if len(lost) != bulkItems || len(said) == 0 {
			t.Errorf("%s: %d records are lost, and the server says %v: %s", what, len(lost), said, d.Log())
			continue
		}
		begin, _ := strconv.Atoi(said[0][1]) // the expression has digits alone
		end, _ := strconv.Atoi(said[0][2])
		if strings.Count(d.Log(), said[0][0]) != len(said) || begin != first+lost[0] || end != first+lost[bulkItems-1]+1 || lost[bulkItems-1]-lost[0] != bulkItems-1 {
			t.Errorf("%s: records %d to %d are lost, the server says %s", what, first+lost[0], first+lost[bulkItems-1]+1, said[0])
		}
		if n := d.Metrics(t)["gatewatch_pipeline_lost_records_total"]; n != bulkItems {
			t.Errorf("%s: the server counts %v lost records", what, n)
		}
	}
}

// queueBytes returns the size of the only file of a server's queue.
func queueBytes(t *testing.T, s *server.Server) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.Data, "queue", "*.seg"))
	if err != nil || len(names) > 1 {
		t.Fatalf("files of the queue: %v, %v", names, err)
	}
	if len(names) == 0 {
		return 0
	}
	info, err := os.Stat(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

// maxBlock is the most rows that a block of the store has.
const maxBlock = 16_384

// TestFlippedBitInStore damages a segment of the store: that costs at most one
// block, and every answer says that it is not whole.
func TestFlippedBitInStore(t *testing.T) {
	rnd := random(t)
	s := server.Start(t, t.TempDir())
	ids := fill(t, s, 500)
	s.Stop(t)
	shown := 0
	for i := range *flips + 1 {
		d, what := damaged(t, s.Data, func(t *testing.T, data string) string {
			if i == 0 {
				return "nothing"
			}
			return flip(t, rnd, newest(t, filepath.Join(data, "store", "*.gwseg")), 0)
		})
		events, said := d.FindPartly(t, allBulk)
		lost := missing(t, ids, events)
		switch {
		case i == 0 && (len(lost) > 0 || said != ""):
			t.Fatalf("the control without damage lost %d events: %s", len(lost), said)
		case len(lost) > 0 && !strings.Contains(said, "the answer is not whole"):
			t.Errorf("%s: %d events are lost, and the answer is said to be whole: %q", what, len(lost), said)
		case len(lost) > maxBlock || len(lost) == len(ids):
			t.Errorf("%s: %d of %d events are lost: %s", what, len(lost), len(ids), said)
		}
		if len(lost) > 0 {
			shown++
			t.Logf("%s: %d events, from %s to %s: %s", what, len(lost), ids[lost[0]], ids[lost[len(lost)-1]], strings.TrimSpace(said))
		}
	}
	if shown == 0 && *flips > 0 {
		t.Error("no flip cost anything, so this test proves nothing")
	}
}
