package faults

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// acts makes and revokes tokens, and knows which of them were acknowledged.
type acts struct {
	s       *server.Server
	running sync.WaitGroup
	cancel  context.CancelFunc

	mu     sync.Mutex
	frozen bool
	acked  map[string]bool // act and object, as the log has them
}

// startActs lets several callers act until they are stopped.
func startActs(t *testing.T, s *server.Server) *acts {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a := &acts{s: s, cancel: cancel, acked: map[string]bool{}}
	token, addr := s.Token, s.Addr.HTTP
	for range 4 {
		a.running.Go(func() {
			for ctx.Err() == nil {
				a.act(ctx, addr, token)
			}
		})
	}
	t.Cleanup(a.stop)
	return a
}

func (a *acts) stop() {
	a.cancel()
	a.running.Wait()
}

// act makes a token and revokes it again.
func (a *acts) act(ctx context.Context, addr, token string) {
	var made struct {
		Token struct {
			ID string `json:"id"`
		} `json:"token"`
	}
	ok := call(ctx, addr, token, http.MethodPost, "/api/v1/tokens", `{"kind":"TOKEN_KIND_SOURCE","name":"edge"}`, &made)
	if !ok {
		server.Pause(5 * time.Millisecond) // the server is down
		return
	}
	a.acknowledged("token.create " + made.Token.ID)
	if call(ctx, addr, token, http.MethodDelete, "/api/v1/tokens/"+made.Token.ID, "", &struct{}{}) {
		a.acknowledged("token.revoke " + made.Token.ID)
	}
}

func (a *acts) acknowledged(act string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.frozen {
		a.acked[act] = true
	}
}

func (a *acts) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.acked)
}

// freeze lets no acknowledgement count any more.
func (a *acts) freeze() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.frozen = true
}

func call(ctx context.Context, addr, token, method, path, body string, out any) bool {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK && json.NewDecoder(res.Body).Decode(out) == nil
}

// lost returns how many acknowledged acts the log does not have, and what its
// verification says if it is not sound.
func (a *acts) lost(t *testing.T) (n int, broken string) {
	t.Helper()
	if out, errs, err := a.s.Run("audit", "verify", "--data", a.s.Data, "-o", "json"); err != nil {
		broken = out + errs
	}
	out, _, _ := a.s.Run("audit", "list", "--data", a.s.Data, "--act", "token.", "--limit", "0", "-o", "ndjson") // what is before a break
	there := map[string]bool{}
	for line := range strings.Lines(out) {
		var l struct{ Act, Object string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		there[l.Act+" "+l.Object] = true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for act := range a.acked {
		if !there[act] {
			n++
		}
	}
	return n, broken
}

// TestAuditKill ends the server with signal 9 while people act and segments are
// written, merged and sealed. The log has each act that was acknowledged, and fits
// the segments, also before the server starts again.
func TestAuditKill(t *testing.T) {
	rnd := random(t)
	l := startLoad(t, t.TempDir(), "--store.flush_age", "100ms", "--store.flush_rows", "500")
	a := startActs(t, l.s)
	for i := range *kills {
		before := a.count()
		server.Poll(t, server.Patience, "people act", func() bool { return a.count() > before+3 })
		server.Pause(time.Duration(rnd.IntN(700)) * time.Millisecond)
		l.kill(t)
		if n, broken := a.lost(t); n > 0 || broken != "" {
			t.Fatalf("kill %d: %d of %d acts are lost; %s", i, n, a.count(), broken)
		}
		l.restart(t)
	}
	a.stop()
	l.stop()
	l.s.Stop(t)
	n, broken := a.lost(t)
	if n > 0 || broken != "" {
		t.Errorf("%d of %d acts are lost; %s", n, a.count(), broken)
	}
	t.Logf("%d kills, %d acts acknowledged", *kills, a.count())
}

// TestAuditPowerCut cuts the power of the disk instead. The control is the same
// server whose syncs do nothing, which must lose acts.
func TestAuditPowerCut(t *testing.T) {
	rnd := random(t)
	f := func(t *testing.T, unsynced bool) (int, string) {
		t.Helper()
		d := newDisk(t, 512<<20)
		l := startLoad(t, d.at+"/data", "--store.flush_age", "100ms", "--store.flush_rows", "500")
		a := startActs(t, l.s)
		if unsynced {
			dropSyncs(t, l.s.Pid())
		}
		before := a.count()
		server.Poll(t, server.Patience, "people act", func() bool { return a.count() > before+10 })
		server.Pause(time.Duration(rnd.IntN(700)) * time.Millisecond)
		a.freeze()
		l.cutPower(t, d)
		a.stop()
		l.stop()
		l.s.Restart(t)
		l.s.Stop(t)
		n, broken := a.lost(t)
		t.Logf("%d of %d acknowledged acts are lost; %s", n, a.count(), broken)
		return n, broken
	}
	for i := range *cuts {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			if n, broken := f(t, false); n > 0 || broken != "" {
				t.Error("acts are lost, or the log is broken")
			}
		})
	}
	t.Run("without sync", func(t *testing.T) {
		if n, broken := f(t, true); n == 0 && broken == "" {
			t.Error("nothing is lost without syncs, so this test proves nothing")
		}
	})
}

// TestAuditFullDisk fills the disk to its last block while people act. What was
// acknowledged is in the log, what was refused was not done, and with room acts
// go on.
func TestAuditFullDisk(t *testing.T) {
	d := newDisk(t, 64<<20)
	s := server.Start(t, d.at+"/data")
	a := startActs(t, s)
	more := func(what string) {
		t.Helper()
		before := a.count()
		server.Poll(t, server.Patience, what, func() bool { return a.count() > before+10 })
	}
	for range 3 {
		more("people act")
		release := d.fill("filler", -(64 << 20)) // what is kept for root too
		server.Poll(t, server.Patience, "an act is refused", func() bool {
			return !call(t.Context(), s.Addr.HTTP, s.Token, http.MethodPost, "/api/v1/tokens", `{"kind":"TOKEN_KIND_SOURCE","name":"refused"}`, &struct{}{})
		})
		server.Pause(200 * time.Millisecond)
		release()
	}
	more("people act with room again")
	a.stop()
	s.Stop(t)
	if n, broken := a.lost(t); n > 0 || broken != "" {
		t.Errorf("%d of %d acts are lost; %s", n, a.count(), broken)
	}
}
