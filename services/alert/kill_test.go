package alert

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/state"
)

// The environment of the child: the folder of its state, and where it posts to.
const (
	childDir = "GATEWATCH_TEST_NOTIFY_DIR"
	childURL = "GATEWATCH_TEST_NOTIFY_URL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, notifyForever(dir, os.Getenv(childURL)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func notifyForever(dir, url string) error {
	d, err := state.Open(context.Background(), dir, time.Now)
	if err != nil {
		return err
	}
	n, err := Open(Config{URL: url, PerRule: 100, PerHour: 100}, Options{State: d, Secret: secret('a'), Now: time.Now, Log: slog.Default()})
	if err != nil {
		return err
	}
	n.Run(context.Background())
	return nil
}

// deadly is a receiver that ends its sender with signal 9 at some messages, before
// the sender can keep that they have arrived.
type deadly struct {
	t     *testing.T
	every int

	mu    sync.Mutex
	child *exec.Cmd
	n     int
	got   map[string][]string // bodies by id
	done  func(int) bool      // tells that so many have arrived
}

func (r *deadly) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender is gone
	}
	if err := Verify(parsed(r.t, secret('a')), req.Header, body, time.Now()); err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := req.Header.Get(headerID)
	r.got[id] = append(r.got[id], string(body))
	if r.n++; r.n%r.every == 0 || r.done(len(r.got)) {
		if err := r.child.Process.Kill(); err != nil {
			r.t.Log(err)
		}
	}
}

// TestKill ends the sender between the delivery of a message and its commit, again
// and again: no finding is missing, and what comes twice is the same message under
// the same id.
func TestKill(t *testing.T) {
	const findings, every = 30, 4
	dir := t.TempDir()
	d := openState(t, dir)
	if err := d.StartNotices(t.Context()); err != nil {
		t.Fatal(err)
	}
	find(t, d, "r", 90, names("f", findings)...)
	all := func(n int) bool { return n == findings }
	r := &deadly{t: t, every: every, got: map[string][]string{}, done: all}
	s, _ := served(t, r.ServeHTTP)
	so := func() (told, n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.got), r.n
	}
	for told, before := so(); told < findings; told, before = so() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir, childURL+"="+s.URL)
		r.mu.Lock()
		r.child = cmd
		err := cmd.Start()
		r.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		if _, n := so(); n == before {
			t.Fatal("a sender ended that had sent nothing")
		}
	}
	again := 0
	for id, bodies := range r.got {
		for _, body := range bodies {
			if body != bodies[0] {
				t.Errorf("%s: %s, then %s", id, bodies[0], body)
			}
		}
		again += len(bodies) - 1
	}
	if again < findings/every-1 {
		t.Errorf("only %d messages came twice", again)
	}
	c, err := d.CountNotices(t.Context())
	if err != nil || c.Delivered < 1 || c.Delivered+c.Pending != findings {
		t.Errorf("counts %+v, %v", c, err)
	}
}
