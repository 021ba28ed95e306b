package faults

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

var kills = flag.Int("kills", 20, "how often the server is killed")

// TestKill ends the server with signal 9 at random moments under load. What it
// acknowledged is found, once, and so is what it had counted of syslog.
func TestKill(t *testing.T) {
	f := func(t *testing.T, kills int) {
		t.Helper()
		rnd := random(t)
		l := startLoad(t, t.TempDir(), "--store.flush_age", "1s")
		for range kills {
			server.Pause(time.Duration(100+rnd.IntN(900)) * time.Millisecond)
			l.kill(t)
			l.restart(t)
		}
		l.works(t)
		if kills > 0 {
			l.kill(t) // nobody sends to the last run
			l.stop()
			l.s.Restart(t)
		} else {
			l.stop()
		}
		if kills == 0 {
			l.sentIsCounted(t)
		}
		settle(t, l.s)
		acknowledged, counted := l.total(t)
		if loss := l.compare(t); loss.any() {
			t.Errorf("of %d acknowledged and %d counted records: %+v; log: %s", acknowledged, counted, loss, l.s.Log())
		}
		t.Logf("%d kills: %d records acknowledged and %d counted", kills, acknowledged, counted)
	}
	t.Run("control", func(t *testing.T) { f(t, 0) })
	t.Run("killed", func(t *testing.T) { f(t, *kills) })
}

// sentIsCounted waits until the server has counted every message of a sender whose
// connection nothing broke: it may still read what the senders wrote last.
func (l *load) sentIsCounted(t *testing.T) {
	t.Helper()
	for _, src := range l.syslog {
		server.Poll(t, server.Patience, src.name+": all that was sent is counted", func() bool {
			l.count(t)
			return l.counted[src.name][l.run] >= src.sent[l.run]
		})
		if sent, counted := src.sent[l.run], l.counted[src.name][l.run]; sent != counted {
			t.Errorf("%s sent %d messages, %d are counted", src.name, sent, counted)
		}
	}
}

// TestKillShowsLoss is the control that must fail: a server that acknowledges
// what is not on its disk. It is made by taking the end of the log away after
// the kill, as a disk does that nobody told to sync.
func TestKillShowsLoss(t *testing.T) {
	l := startLoad(t, t.TempDir())
	l.works(t)
	l.kill(t)
	l.stop()
	name := newest(t, filepath.Join(l.s.Data, "queue", "*.seg"))
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	l.s.Restart(t)
	settle(t, l.s)
	l.total(t)
	if loss := l.compare(t); loss.acked == 0 || loss.counted == 0 {
		t.Errorf("half of the log is gone, and the comparison finds %+v", loss)
	}
}

// newest returns the last file of a pattern by name.
func newest(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no file %s, %v", pattern, err)
	}
	return slices.Max(names)
}

func writeFile(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
