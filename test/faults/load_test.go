package faults

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// load is all senders of a server and what they know to be durable.
type load struct {
	s       *server.Server
	bulk    *acked
	node    *node
	syslog  []*syslogSource
	counted map[string]map[int]int // of each syslog source by run of the server

	runs    runs
	run     int
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// startLoad starts a server on a data folder, and its senders.
func startLoad(t *testing.T, data string, args ...string) *load {
	t.Helper()
	l := &load{bulk: &acked{ids: map[string]bool{}}, counted: map[string]map[int]int{}}
	var config string
	l.syslog, config = newSyslogSources()
	file := filepath.Join(t.TempDir(), "gatewatch.yaml")
	writeFile(t, file, []byte(config))
	l.s = server.Start(t, data, append(args, "--config", file)...)
	ctx, cancel := context.WithCancel(t.Context())
	l.cancel = cancel
	t.Cleanup(l.stop)
	addr := l.s.Addr
	for i := range 2 {
		l.running.Go(func() { bulk(ctx, addr.Ingest, i, l.bulk) })
	}
	l.node = &node{name: "edge", epoch: make([]byte, 16)}
	rand.Read(l.node.epoch)
	l.running.Go(func() { l.node.run(ctx, addr.GRPC) })
	for _, src := range l.syslog {
		l.counted[src.name] = map[int]int{}
		l.running.Go(func() { src.run(ctx, addr.Syslog, &l.runs) })
	}
	return l
}

// stop ends the senders. Those of _bulk and the node stream have an answer for
// each record by then or do not count it.
func (l *load) stop() {
	l.cancel()
	l.running.Wait()
}

// count keeps what the server says it has received.
func (l *load) count(t *testing.T) {
	t.Helper()
	m := l.s.Metrics(t)
	for _, src := range l.syslog {
		l.counted[src.name][l.run] = src.counted(m)
	}
}

// kill ends the server with signal 9.
func (l *load) kill(t *testing.T) {
	t.Helper()
	l.count(t)
	l.runs.now.Store(-1)
	l.s.Kill()
}

// cutPower ends the server and its disk at once while records of the senders are
// under way. No acknowledgement counts that comes after the cut: the kernel,
// which only plays dead, still lets some syncs succeed.
func (l *load) cutPower(t *testing.T, d *disk) {
	t.Helper()
	l.count(t)
	server.Poll(t, server.Patience, "all senders wait for an answer", func() bool {
		return l.bulk.waiting.Load() > 0 && l.node.sent.Load() > l.node.acks.Load()
	})
	l.bulk.freeze()
	l.node.frozen.Store(true)
	l.runs.now.Store(-1)
	d.powerCycle(l.s)
}

// restart runs the server again.
func (l *load) restart(t *testing.T) {
	t.Helper()
	l.s.Restart(t)
	l.run++
	l.runs.now.Store(int64(l.run))
}

// works waits until all senders have done as much as total wants of them.
func (l *load) works(t *testing.T) {
	t.Helper()
	server.Poll(t, server.Patience, "all senders get on", func() bool {
		l.count(t)
		for _, runs := range l.counted {
			n := 0
			for _, c := range runs {
				n += c
			}
			if n < 50 {
				return false
			}
		}
		return l.bulk.len() >= 100 && l.node.acks.Load() >= 100
	})
}

// total returns how many records were acknowledged or counted, and fails if a
// sender did nothing.
func (l *load) total(t *testing.T) (acknowledged, counted int) {
	t.Helper()
	for _, runs := range l.counted {
		n := 0
		for _, c := range runs {
			n += c
		}
		if n < 50 {
			t.Fatalf("load did not run: %v records of syslog counted", l.counted)
		}
		counted += n
	}
	if l.bulk.len() < 100 || l.node.acks.Load() < 100 {
		t.Fatalf("load did not run: %d and %d records acknowledged", l.bulk.len(), l.node.acks.Load())
	}
	return l.bulk.len() + int(l.node.acks.Load()), counted
}

// settle waits until the server has stored all that its queue holds.
func settle(t *testing.T, s *server.Server) {
	t.Helper()
	deadline := time.Now().Add(server.Patience)
	for {
		m := s.Metrics(t)
		next, stored := m["gatewatch_queue_next_offset"], m["gatewatch_pipeline_queue_offset"]
		if next == stored || next == 1 { // nothing was ever queued
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the queue ends at %v, and is stored up to %v: %s", next, stored, s.Log())
		}
		server.Pause(5 * time.Millisecond)
	}
}

// loss is what a comparison of senders and server found.
type loss struct {
	acked, counted, doubled int
	examples                []string
}

func (l loss) any() bool { return l.acked+l.counted+l.doubled > 0 }

// compare looks for all that was acknowledged or counted. The senders have
// ended, and the server has stored what it holds.
func (l *load) compare(t *testing.T) loss {
	t.Helper()
	found := map[string]int{}
	each(t, l.s, "gatewatch.source: bulk* or gatewatch.source: edge", func(id, _ string) { found[id]++ })
	var out loss
	lost := func(id string) {
		if found[id] == 0 {
			out.acked++
			out.examples = append(out.examples, id)
		}
	}
	for id := range l.bulk.ids {
		lost(id)
	}
	for seq := range l.node.acks.Load() {
		lost(fmt.Sprintf("%s-%d", hex.EncodeToString(l.node.epoch), seq+1))
	}
	for _, n := range found {
		out.doubled += n - 1
	}
	for _, src := range l.syslog {
		n, twice := src.check(t, l.s, l.counted[src.name])
		out.counted += n
		out.doubled += twice
	}
	out.examples = out.examples[:min(len(out.examples), 5)]
	return out
}

// each calls f for the id and message of each event that matches.
func each(t *testing.T, s *server.Server, query string, f func(id, message string)) {
	t.Helper()
	out, errs, err := s.Run("query", "-o", "ndjson", query+" | keep event.id, message")
	if err != nil || errs != "" {
		t.Fatalf("query %s: %v: %s; log: %s", query, err, errs, s.Log())
	}
	for line := range strings.Lines(out) {
		var e struct {
			ID      string `json:"event.id"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		f(e.ID, e.Message)
	}
}
