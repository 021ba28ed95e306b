// Package faults kills the real server under load and compares what it
// acknowledged with what it finds afterwards.
package faults

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var program string // the server under test

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gatewatch-faults")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "gatewatch")
	build := exec.Command("go", "build", "-o", program, "../../cmd/gatewatch")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build gatewatch: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// server is a running server on a data folder.
type server struct {
	cmd   *exec.Cmd
	log   bytes.Buffer
	data  string
	token string
	addr  struct{ HTTP, GRPC, Ingest, Syslog string }
}

// start runs the server until it is ready. Addresses, once known, stay.
func start(t *testing.T, data string, before *server) *server {
	t.Helper()
	s := &server{data: data}
	addr := struct{ HTTP, GRPC, Ingest, Syslog string }{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"}
	if before != nil {
		addr = before.addr
	}
	listen := filepath.Join(data, "listen.json")
	if err := os.Remove(listen); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	s.cmd = exec.Command(program, "serve", "--data", data, "--listen.http", addr.HTTP, "--listen.grpc", addr.GRPC,
		"--listen.ingest", addr.Ingest, "--listen.syslog", addr.Syslog, "--store.flush_age", "1s", "--log.level", "warn")
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		b, err := os.ReadFile(listen)
		if err == nil && json.Unmarshal(b, &s.addr) == nil && s.ready() {
			break
		}
		if time.Now().After(deadline) {
			s.kill()
			t.Fatalf("server is not ready: %s", s.log.String())
		}
		pause(5 * time.Millisecond)
	}
	token, err := os.ReadFile(filepath.Join(data, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	s.token = strings.TrimSpace(string(token))
	return s
}

// pause waits for another process, which no clock of this one can speed up.
func pause(d time.Duration) { <-time.After(d) }

// ready asks the address that the file names, so that it is this server's.
func (s *server) ready() bool {
	res, err := http.Get("http://" + s.addr.HTTP + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// kill ends the server with signal 9 and waits for it.
func (s *server) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// found counts the events of each id of a source.
func (s *server) found(t *testing.T, query string) map[string]int {
	t.Helper()
	cmd := exec.Command(program, "query", "--server", "http://"+s.addr.HTTP, "-o", "ndjson", query+" | keep event.id, message")
	cmd.Env = append(os.Environ(), "GATEWATCH_TOKEN="+s.token)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("query %s: %v: %s", query, err, stderr.String())
	}
	ids := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var e struct {
			ID string `json:"event.id"`
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		ids[e.ID]++
	}
	return ids
}
