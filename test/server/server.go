// Package server builds and runs the real server for tests that look at it from
// outside: with senders, peers and faults that it does not know of.
package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the path of the server under test, once Main has built it.
var program string

// Main builds the server, runs the tests of a package and returns their exit
// code. TestMain calls it.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatewatch-test")
	if err != nil {
		fmt.Fprintf(os.Stderr, "make folder: %v\n", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is in the temporary folder
	program = filepath.Join(dir, "gatewatch")
	build := exec.Command("go", "build", "-o", program, "github.com/gatewatch/gatewatch/cmd/gatewatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build gatewatch: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// Server is a running server on a data folder.
type Server struct {
	Data  string
	Token string // of the administrator
	Addr  Addresses

	args []string
	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan struct{} // closed once the process has ended
}

// Addresses are those of the listeners, as listen.json names them.
type Addresses struct {
	HTTP, GRPC, Ingest, Syslog string
	SyslogTLS                  string `json:"syslog-tls"`
}

// Start runs a server with free ports on a data folder until it is ready. It is
// killed at the end of the test unless it has ended by then.
func Start(t testing.TB, data string, args ...string) *Server {
	t.Helper()
	free := "127.0.0.1:0"
	s := &Server{Data: data, Addr: Addresses{HTTP: free, GRPC: free, Ingest: free, Syslog: free}, args: args, log: &lockedBuffer{}}
	s.Restart(t)
	t.Cleanup(s.Kill)
	return s
}

// Restart runs a server that has ended again, on the same addresses, until it
// is ready.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	listen := filepath.Join(s.Data, "listen.json")
	if err := os.Remove(listen); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	args := append([]string{
		"serve", "--data", s.Data, "--listen.http", s.Addr.HTTP, "--listen.grpc", s.Addr.GRPC,
		"--listen.ingest", s.Addr.Ingest, "--listen.syslog", s.Addr.Syslog, "--log.level", "warn",
	}, s.args...)
	s.cmd = exec.Command(program, args...)
	s.cmd.Stderr = s.log
	// Ctrl-C must not reach the server before the test has ended it.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // how it ended is for the test to judge
		close(done)
	}(s.cmd, s.done)
	Poll(t, Patience, "server is ready", func() bool {
		if s.ended() {
			t.Fatalf("server ended: %s", s.Log())
		}
		b, err := os.ReadFile(listen)
		return err == nil && json.Unmarshal(b, &s.Addr) == nil && s.ready()
	})
	token, err := os.ReadFile(filepath.Join(s.Data, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	s.Token = strings.TrimSpace(string(token))
}

func (s *Server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// ready asks the address that the file names, so that it is this server's.
func (s *Server) ready() bool {
	res, err := http.Get("http://" + s.Addr.HTTP + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Kill ends the server with signal 9 and waits for it. It may be called again.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

// Stop ends the server in order and waits for it.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.signal(syscall.SIGTERM)
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("server ended with code %d: %s", code, s.Log())
	}
}

func (s *Server) signal(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig) // it may have ended
	<-s.done
}

// Pid returns the process id of the server.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Log returns what the server has logged since the test began.
func (s *Server) Log() string { return s.log.String() }

// Run runs a command of gatewatch that speaks with the server and returns its
// standard output and error.
func (s *Server) Run(args ...string) (out, errs string, err error) {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "GATEWATCH_SERVER=http://"+s.Addr.HTTP, "GATEWATCH_TOKEN="+s.Token)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// Patience bounds what a test waits for; reaching it is a failure. It is long because
// the machine does much else meanwhile.
const Patience = 2 * time.Minute

// Poll asks until cond holds and fails the test if that takes longer than limit.
// What it waits for happens in another process, which no clock of this one can
// speed up.
func Poll(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not so after %s: %s", limit, what)
		}
		Pause(5 * time.Millisecond)
	}
}

// Pause lets another process do something for a while.
func Pause(d time.Duration) { <-time.After(d) }

// lockedBuffer takes the output of a process while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
