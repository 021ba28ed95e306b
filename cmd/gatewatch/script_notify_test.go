package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatewatch/gatewatch/services/alert"
)

// receiveMessages starts a receiver that takes messages signed by the secret of a
// file and appends their bodies to another one. Its address is HOOK.
func receiveMessages(ts *testscript.TestScript, _ bool, args []string) {
	secrets, err := alert.ParseSecrets(ts.ReadFile(args[0]))
	ts.Check(err)
	out, err := os.OpenFile(ts.MkAbs(args[1]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = alert.Verify(secrets, r.Header, body, time.Now())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, "%s\n", body)
	}))
	ts.Defer(func() { s.Close(); _ = out.Close() })
	ts.Setenv("HOOK", s.URL+"/hook?token=hidden")
}

// reloadServer has the server read its configuration again.
func reloadServer(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Value(serverKey{}).(*running).cmd.Process.Signal(syscall.SIGHUP))
}
