package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// bigBatch is a bulk request of about half a megabyte, which the queue cannot
// make smaller.
func bigBatch(n int) (body []byte, ids []string) {
	noise := rand.New(rand.NewPCG(uint64(n), 0))
	for i := range bulkItems {
		padding := make([]byte, 10<<10)
		for j := range padding {
			padding[j] = "0123456789abcdef"[noise.IntN(16)]
		}
		id := fmt.Sprintf("full-%d-%d", n, i)
		ids = append(ids, id)
		body = fmt.Appendf(body, `{"create":{"_id":%q}}`+"\n"+`{"message":%q,"n":%d}`+"\n", id, padding, n)
	}
	return body, ids
}

// sendUntilRefused sends batches until one is refused, and returns the answer to
// that one. Each batch is taken as a whole or not at all.
func sendUntilRefused(t *testing.T, s *server.Server, next *int, ids *[]string) reply {
	t.Helper()
	for {
		body, batch := bigBatch(*next)
		r := post(t, s, "/faults/_bulk", bytes.NewReader(body))
		if r.status != http.StatusOK {
			return r
		}
		var answer struct{ Errors bool }
		if err := json.Unmarshal([]byte(r.body), &answer); err != nil || answer.Errors {
			t.Fatalf("batch %d: %v: %.300s", *next, err, r.body)
		}
		*ids = append(*ids, batch...)
		if *next++; *next > 1000 {
			t.Fatal("half a gigabyte went onto a small disk")
		}
	}
}

// TestDiskWithRoom is the control without the fault: nothing is refused or lost.
func TestDiskWithRoom(t *testing.T) {
	d := newDisk(t, 96<<20)
	s := server.Start(t, d.at+"/data")
	var all []string
	for n := range 60 {
		body, ids := bigBatch(n)
		if r := post(t, s, "/faults/_bulk", bytes.NewReader(body)); r.status != http.StatusOK {
			t.Fatalf("batch %d is answered with %d though %d bytes are free: %s", n, r.status, d.free(), r.body)
		}
		all = append(all, ids...)
	}
	s.Kill()
	s.Restart(t)
	if lost := missing(t, all, found(t, s)); len(lost) > 0 {
		t.Errorf("of %d acknowledged records %d are lost", len(all), len(lost))
	}
}

// TestFullDisk fills the disk of the server: input is refused with a status that
// senders understand, before the disk is full; nothing that was acknowledged is
// lost; and input is taken again without anybody's help.
func TestFullDisk(t *testing.T) {
	d := newDisk(t, 96<<20)
	s := server.Start(t, d.at+"/data")
	next, ids := 0, []string(nil)
	release := d.fill("filler", 24<<20)
	refused := sendUntilRefused(t, s, &next, &ids)
	if refused.status != http.StatusTooManyRequests || refused.header.Get("Retry-After") == "" || !strings.Contains(refused.body, "es_rejected_execution_exception") {
		t.Errorf("a nearly full disk is answered with %d %v: %s", refused.status, refused.header, refused.body)
	}
	if len(ids) == 0 {
		t.Fatal("nothing was taken though 24 MiB were free")
	}
	if free := d.free(); free < 1<<20 {
		t.Errorf("input was refused with %d bytes free, after the disk was full", free)
	}
	if m := s.Metrics(t); m["gatewatch_queue_refusing"] != 1 || m[`gatewatch_ingest_refused_records_total{reason="queue_full",source="bulk:faults"}`] != bulkItems {
		t.Errorf("refusing is %v, refused are %v", m["gatewatch_queue_refusing"], m[`gatewatch_ingest_refused_records_total{reason="queue_full",source="bulk:faults"}`])
	}
	_, unsent := bigBatch(next)
	if lost := missing(t, append(ids[:len(ids):len(ids)], unsent...), found(t, s)); len(lost) != bulkItems {
		t.Errorf("%d records were refused, and %d are not found", bulkItems, len(lost))
	}
	releaseRest := d.fill("rest", 0)
	if free := d.free(); free > 64<<10 {
		t.Fatalf("the filler left %d bytes", free)
	}
	r := post(t, s, "/raw/json?source=raw", strings.NewReader("{\"message\":\"raw\"}\n"))
	if r.status != http.StatusTooManyRequests || !strings.Contains(r.body, "queue_full") {
		t.Errorf("a full disk is answered with %d: %s", r.status, r.body)
	}
	if out, errs, err := s.Run("query", "-o", "ndjson", "* | stats n = count()"); err != nil {
		t.Errorf("nothing can be found while the disk is full: %v: %s%s", err, out, errs)
	}
	before := len(ids)
	release()
	releaseRest()
	server.Poll(t, server.Patience, "input is taken again", func() bool {
		body, batch := bigBatch(next)
		if post(t, s, "/faults/_bulk", bytes.NewReader(body)).status != http.StatusOK {
			return false
		}
		ids = append(ids, batch...)
		next++
		return true
	})
	if lost := missing(t, ids, found(t, s)); len(lost) > 0 {
		t.Errorf("of %d acknowledged records %d are lost", len(ids), len(lost))
	}
	s.Kill()
	s.Restart(t)
	if lost := missing(t, ids, found(t, s)); len(lost) > 0 {
		t.Errorf("after a kill %d of %d acknowledged records are lost", len(lost), len(ids))
	}
	t.Logf("%d records before the disk was full, %d after", before, len(ids)-before)
}

// TestFullDiskHoldsSenders fills the disk under load: senders that can wait are
// held up, and lose nothing.
func TestFullDiskHoldsSenders(t *testing.T) {
	d := newDisk(t, 192<<20)
	l := startLoad(t, d.at+"/data")
	received := func(m map[string]float64) map[string]float64 {
		by := map[string]float64{}
		for _, source := range []string{"bulk:faults", "edge", l.syslog[0].name, l.syslog[1].name} {
			by[source] = m[fmt.Sprintf("gatewatch_ingest_received_records_total{source=%q}", source)]
		}
		return by
	}
	goOn := func(from map[string]float64) {
		t.Helper()
		server.Poll(t, server.Patience, "all senders get on", func() bool {
			for source, n := range received(l.s.Metrics(t)) {
				if n < from[source]+100 {
					return false
				}
			}
			return true
		})
	}
	goOn(nil)
	release := d.fill("filler", 0)
	server.Poll(t, server.Patience, "input is refused", func() bool { return l.s.Metrics(t)["gatewatch_queue_refusing"] == 1 })
	// What was on its way when the disk became full may still be counted.
	during := received(l.s.Metrics(t))
	server.Poll(t, server.Patience, "nothing is taken for a second", func() bool {
		before := during
		server.Pause(time.Second)
		during = received(l.s.Metrics(t))
		return maps.Equal(before, during)
	})
	release()
	goOn(during)
	l.stop()
	settle(t, l.s)
	l.count(t)
	l.sentIsCounted(t)
	acknowledged, counted := l.total(t)
	if loss := l.compare(t); loss.any() {
		t.Errorf("of %d acknowledged and %d counted records: %+v; log: %s", acknowledged, counted, loss, l.s.Log())
	}
}
