// Package peers runs real programs that send logs, and compares what Gatewatch
// finds with what they were made to do. deploy/peers/install.sh installs them.
package peers

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("left out with -short: the tests start real peers")
		os.Exit(0)
	}
	os.Exit(server.Main(m))
}

// program returns the path of a peer's program. One that is missing fails the
// test: what is not tested must not look as if it were.
func program(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path, err := exec.LookPath(filepath.Join("/usr/sbin", name)) // not in every user's PATH
	if err != nil {
		t.Fatalf("%s is missing: run deploy/peers/install.sh", name)
	}
	return path
}

// peer is a running program.
type peer struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  string        // file of its output
	done chan struct{} // closed once it has ended
}

// startPeer runs a program in the foreground, with its output in a file of dir,
// and ends it with the test.
func startPeer(t *testing.T, dir, name string, args ...string) *peer {
	t.Helper()
	out, err := os.Create(filepath.Join(dir, filepath.Base(name)+".out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p := &peer{t: t, cmd: exec.Command(program(t, name), args...), out: out.Name(), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the test judges by what was logged
		close(p.done)
	}()
	t.Cleanup(p.stop)
	return p
}

// stop asks the program to end, waits, and ends it if it does not.
func (p *peer) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(server.Patience):
		p.t.Errorf("%s does not end", filepath.Base(p.cmd.Path))
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what it started is of its group
	if p.t.Failed() {
		p.t.Logf("output of %s: %s", filepath.Base(p.cmd.Path), p.output())
	}
}

func (p *peer) output() []byte {
	b, _ := os.ReadFile(p.out) // it is only shown
	return bytes.TrimSpace(b)
}

// await polls until cond holds; the program must run on meanwhile.
func (p *peer) await(what string, cond func() bool) {
	p.t.Helper()
	server.Poll(p.t, server.Patience, what, func() bool {
		select {
		case <-p.done:
			p.t.Fatalf("%s ended: %s", filepath.Base(p.cmd.Path), p.output())
		default:
		}
		return cond()
	})
}

// awaitAddress waits until somebody listens on an address.
func (p *peer) awaitAddress(addr string) {
	p.t.Helper()
	p.await("somebody listens on "+addr, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

// freePort returns a port for programs that cannot be asked which one they
// took.
func freePort(t *testing.T, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// port returns the port of an address.
func port(t *testing.T, addr string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// writeFile writes a file of a folder and returns its path.
func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fields is what an event must have, as text; "" stands for a field that it
// must not have.
type fields map[string]string

// check compares an event with what was done.
func (want fields) check(t *testing.T, what string, e server.Event) {
	t.Helper()
	for field, value := range want {
		if got := e.Text(field); got != value {
			t.Errorf("%s: %s is %.300q, want %.300q (%.300v)", what, field, got, value, e["event.original"])
		}
	}
}

// with returns both sets of fields; those of more win.
func (want fields) with(more fields) fields {
	all := fields{}
	for _, set := range []fields{want, more} {
		for k, v := range set {
			all[k] = v
		}
	}
	return all
}
