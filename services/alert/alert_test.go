package alert

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/state"
)

// secret makes the text of a secret.
func secret(c byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{c}, 32))
}

func parsed(t *testing.T, text string) []Secret {
	t.Helper()
	all, err := ParseSecrets(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func openState(t testing.TB, dir string) *state.DB {
	t.Helper()
	d, err := state.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// find writes findings of a rule into the state.
func find(t testing.TB, d *state.DB, rule string, severity int64, ids ...string) {
	t.Helper()
	var all []*event.Event
	for _, id := range ids {
		e := &event.Event{ID: id, Source: "gatewatch", Dataset: "gatewatch.finding", Time: time.Now().UnixNano(), Received: time.Now().UnixNano()}
		e.AddText(event.RuleID, rule)
		e.AddText(event.RuleName, "Rule </script>\u202e "+rule)
		e.AddInt(event.EventSeverity, severity)
		e.AddIP(event.SourceIP, "203.0.113.9")
		e.AddText(event.FindingEventIDs, "e-"+id)
		all = append(all, e)
	}
	if err := d.Write(t.Context(), all, d.Applied()+1); err != nil {
		t.Fatal(err)
	}
}

// arrived is a message that a receiver took.
type arrived struct {
	id, kind string
	rule     string // of a finding
	findings int64  // of a digest
	lost     int64
	at       time.Time
}

func readMessage(t testing.TB, h http.Header, body []byte) arrived {
	t.Helper()
	var m struct {
		Type string `json:"type"`
		Data struct {
			RuleID      string `json:"rule_id"`
			Findings    int64  `json:"findings"`
			Undelivered int64  `json:"undelivered"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		t.Errorf("body %q: %v", body, err)
	}
	return arrived{id: h.Get(headerID), kind: m.Type, rule: m.Data.RuleID, findings: m.Data.Findings, lost: m.Data.Undelivered, at: time.Now()}
}

// receiver takes messages in place of a network.
type receiver struct {
	t      *testing.T
	answer func(arrived) int // nil takes all

	mu  sync.Mutex
	got []arrived
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if err := Verify(parsed(r.t, secret('a')), req.Header, body, time.Now()); err != nil {
		r.t.Error(err)
	}
	m, code := readMessage(r.t, req.Header, body), http.StatusNoContent
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answer != nil {
		code = r.answer(m)
	}
	if code < 300 {
		r.got = append(r.got, m)
	}
	return &http.Response{StatusCode: code, Body: http.NoBody, Header: http.Header{}}, nil
}

// with changes what the answer depends on.
func (r *receiver) with(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *receiver) all() []arrived {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrived(nil), r.got...)
}

// notifier makes one whose messages a receiver takes.
func (r *receiver) notifier(d *state.DB, c Config) *Notifier {
	r.t.Helper()
	c.URL = "https://hooks.example.com/x"
	n, err := Open(c, Options{State: d, Secret: secret('a'), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	n.hook.client.Transport, n.every = r, 20*time.Second
	return n
}

// served is a receiver behind a real server.
func served(t *testing.T, handle http.HandlerFunc) (*httptest.Server, Config) {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret('a')+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, Config{URL: s.URL + "/hook?token=hidden", SecretFile: file}
}

func openNotifier(t *testing.T, c Config, d *state.DB, log io.Writer) *Notifier {
	t.Helper()
	n, err := Open(c, Options{State: d, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWebhook tells a real server of a finding, and of it alone.
func TestWebhook(t *testing.T) {
	var got []arrived
	s, c := served(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := Verify(parsed(t, secret('a')), r.Header, body, time.Now()); err != nil || r.Method != http.MethodPost {
			t.Errorf("%s: %v", r.Method, err)
		}
		if !bytes.Contains(body, []byte(`Rule \u003c/script\u003e`)) {
			t.Errorf("body %s", body)
		}
		got = append(got, readMessage(t, r.Header, body))
	})
	d := openState(t, t.TempDir())
	find(t, d, "r-0", 90, "before anybody was told")
	n := openNotifier(t, c, d, io.Discard)
	for range 3 {
		if err := n.step(t.Context()); err != nil {
			t.Fatal(err)
		}
		find(t, d, "r-1", 70, "one")
		find(t, d, "r-2", 30, "two") // too little
	}
	if len(got) != 1 || got[0].kind != typeFinding || got[0].rule != "r-1" {
		t.Errorf("got %+v", got)
	}
	status, err := n.Status(t.Context())
	if err != nil || !status.On || status.Host != strings.TrimPrefix(s.URL, "http://") || status.Delivered != 1 || status.Pending != 0 || status.LastDelivery.IsZero() {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestBadAnswers holds to what a receiver may answer, and that nothing of it, of
// the URL or of the secret is logged or kept.
func TestBadAnswers(t *testing.T) {
	f := func(name string, handle http.HandlerFunc, want string) {
		t.Helper()
		s, c := served(t, handle)
		var log bytes.Buffer
		d := openState(t, t.TempDir())
		n := openNotifier(t, c, d, &log)
		if err := n.step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if name == "gone" {
			s.Close()
		}
		if name == "slow" {
			n.hook.timeout = 20 * time.Millisecond
		}
		find(t, d, "r-1", 70, "one")
		if err := n.step(t.Context()); err != nil {
			t.Fatal(err)
		}
		status, err := n.Status(t.Context())
		if err != nil || status.Pending != 1 || !strings.Contains(status.LastReason, want) {
			t.Errorf("%s: status %+v, %v; want %q", name, status, err, want)
		}
		if !n.resting.After(time.Now()) {
			t.Errorf("%s: the next one is sent at once", name)
		}
		for _, hidden := range []string{"hidden", "whsec", "secret of", strings.TrimPrefix(secret('a'), secretPrefix)} {
			if strings.Contains(log.String()+status.LastReason, hidden) {
				t.Errorf("%s: %q in %s %s", name, hidden, log.String(), status.LastReason)
			}
		}
	}
	answer := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			fmt.Fprint(w, "secret of the receiver")
		}
	}
	f("refused", answer(http.StatusBadRequest), "answered 400")
	f("failed", answer(http.StatusInternalServerError), "answered 500")
	f("gone", answer(http.StatusOK), "connect")
	f("no body of its own", answer(http.StatusNotModified), "answered 304")
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("redirect was followed") }))
	defer other.Close()
	f("elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}, "redirects are not followed")
	f("endless", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}, "answered 418")
	f("large header", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 2*maxHeader))
	}, "header")
	f("slow", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}, "deadline")
}

// TestRetryAfter waits as long as the receiver asks, up to an hour.
func TestRetryAfter(t *testing.T) {
	_, c := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "999999999")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	d := openState(t, t.TempDir())
	n := openNotifier(t, c, d, io.Discard)
	if err := n.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	find(t, d, "r-1", 70, "one")
	before := time.Now()
	if err := n.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n.resting.Before(before.Add(maxAfter)) || n.resting.After(time.Now().Add(maxAfter)) {
		t.Errorf("rests until %s", n.resting)
	}
}

// TestNotify sends tests, which are no findings.
func TestNotify(t *testing.T) {
	code, got := http.StatusOK, []arrived{}
	_, c := served(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // the signature is wrong otherwise
		if err := Verify(parsed(t, secret('a')), r.Header, body, time.Now()); err != nil {
			t.Error(err)
		}
		got = append(got, readMessage(t, r.Header, body))
		w.WriteHeader(code)
	})
	n := openNotifier(t, c, openState(t, t.TempDir()), io.Discard)
	id, err := n.Test(t.Context())
	if err != nil || len(got) != 1 || got[0].id != id || got[0].kind != typeTest {
		t.Errorf("id %q, %v; got %+v", id, err, got)
	}
	code = http.StatusForbidden
	if _, err := n.Test(t.Context()); err == nil || !strings.Contains(err.Error(), "answered 403") {
		t.Errorf("test that is refused: %v", err)
	}
	if err := n.Configure(Config{}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Test(t.Context()); err != ErrOff { //nolint:errorlint // it is this one
		t.Errorf("test without a webhook: %v", err)
	}
}

// TestRotate signs with two secrets: a receiver that has either takes the message.
func TestRotate(t *testing.T) {
	var headers http.Header
	var body []byte
	_, c := served(t, func(_ http.ResponseWriter, r *http.Request) { headers = r.Header; body, _ = io.ReadAll(r.Body) })
	n := openNotifier(t, c, openState(t, t.TempDir()), io.Discard)
	f := func(file string, wantOld, wantNew bool) {
		t.Helper()
		if err := os.WriteFile(c.SecretFile, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := n.Configure(c); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Test(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]bool{secret('a'): wantOld, secret('b'): wantNew, secret('c'): false} {
			if err := Verify(parsed(t, text), headers, body, time.Now()); (err == nil) != want {
				t.Errorf("%q: %v", file, err)
			}
		}
	}
	f(secret('a'), true, false)
	f(secret('a')+"\n"+secret('b')+"\n", true, true)
	f(secret('b'), false, true)
	if err := Verify(parsed(t, secret('b')), headers, append(body, ' '), time.Now()); err == nil {
		t.Error("a changed body is taken")
	}
	if err := Verify(parsed(t, secret('b')), headers, body, time.Now().Add(2*tolerance)); err == nil {
		t.Error("an old message is taken")
	}
	headers.Set(headerID, "msg_other")
	if err := Verify(parsed(t, secret('b')), headers, body, time.Now()); err == nil {
		t.Error("another id is taken")
	}
	if err := os.WriteFile(c.SecretFile, []byte("nothing of the kind"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Configure(c); err == nil || strings.Contains(err.Error(), "nothing of") {
		t.Errorf("a file without a secret: %v", err)
	}
	if status, err := n.Status(t.Context()); err != nil || !status.On || status.Secrets != 1 {
		t.Errorf("what was in use is not: %+v, %v", status, err)
	}
}
