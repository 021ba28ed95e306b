package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a program that the demonstration started.
type process struct {
	cmd   *exec.Cmd
	log   string
	ended chan error // receives once
	done  chan struct{}
}

// start runs a program with more environment and its output in a file.
func start(env []string, log, program string, args ...string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(program, args...), log: log, ended: make(chan error, 1), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), env...)
	// Ctrl-C in the terminal must not reach the parts: they end in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		err := p.cmd.Wait()
		if err == nil {
			err = errors.New("it stopped by itself")
		}
		p.ended <- err
		close(p.done)
	}()
	return p, nil
}

// stop asks the program to end and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// wait polls until ready says yes, the program ends, or time is up.
func (p *process) wait(ctx context.Context, ready func() bool) error {
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			b, _ := os.ReadFile(p.log)
			return fmt.Errorf("%s did not start: %s", filepath.Base(p.cmd.Path), strings.TrimSpace(string(b)))
		case <-deadline.C:
			return fmt.Errorf("%s is not ready after a minute; see %s", filepath.Base(p.cmd.Path), p.log)
		case <-tick.C:
		}
	}
	return nil
}

// server is the Gatewatch server and the addresses it listens on.
type server struct {
	*process
	data, token        string
	http, grpc, ingest string
	syslog             string
}

// usual returns an address with its usual port, or with any free one if that is
// in use.
func usual(addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		host, _, _ := net.SplitHostPort(addr)
		return net.JoinHostPort(host, "0")
	}
	l.Close()
	return addr
}

func startServer(ctx context.Context, bin, data string) (*server, error) {
	listen := filepath.Join(data, "listen.json")
	if err := os.Remove(listen); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	dir := filepath.Dir(data)
	args, err := writePlaces(dir)
	if err != nil {
		return nil, err
	}
	args = append([]string{
		"serve", "--data", data, "--listen.http=" + usual("127.0.0.1:8080"), "--listen.grpc=" + usual("127.0.0.1:9090"),
		"--listen.ingest=" + usual("127.0.0.1:8081"), "--listen.syslog=" + usual("127.0.0.1:5514"),
	}, args...)
	p, err := start(nil, filepath.Join(dir, "server.log"), filepath.Join(bin, "gatewatch"), args...)
	if err != nil {
		return nil, err
	}
	s := &server{process: p, data: data}
	var addr struct{ HTTP, GRPC, Ingest, Syslog string }
	err = p.wait(ctx, func() bool {
		b, err := os.ReadFile(listen)
		return err == nil && json.Unmarshal(b, &addr) == nil
	})
	if err != nil {
		p.stop()
		return nil, err
	}
	token, err := os.ReadFile(filepath.Join(data, "admin.token"))
	if err != nil {
		p.stop()
		return nil, err
	}
	s.token = strings.TrimSpace(string(token))
	s.http, s.grpc, s.ingest, s.syslog = "http://"+addr.HTTP, addr.GRPC, "http://"+addr.Ingest, addr.Syslog
	return s, nil
}

// findEvent runs gatewatch query until it finds something, at most ten seconds.
func (s *server) findEvent(ctx context.Context, bin, query string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, "gatewatch"), "query", "--server", s.http, "-o", "ndjson",
			query+" | keep @timestamp, client.ip, url.original, waf.site, waf.decision, waf.action, waf.anomaly_score, rule.id")
		cmd.Env = append(os.Environ(), "GATEWATCH_TOKEN="+s.token)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
		if len(out) > 0 {
			return "  " + strings.TrimSpace(string(out)), nil
		}
		select {
		case <-ctx.Done():
			return "", errors.New("the event did not arrive within ten seconds")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// node is the WAF node in front of the shop.
type node struct {
	*process
	url string
}

func startNode(ctx context.Context, env []string, bin, dir, upstream, grpc string) (*node, error) {
	addr := usual("127.0.0.1:8000")
	if strings.HasSuffix(addr, ":0") {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, err
		}
		addr = l.Addr().String()
		l.Close()
	}
	p, err := start(env, filepath.Join(dir, "node.log"), filepath.Join(bin, "gatewatch-waf"),
		"--listen", addr, "--upstream", upstream, "--server", grpc, "--site", "shop", "--node", "edge-1",
		"--mode", "block", "--trusted-proxies", "127.0.0.1", "--spool", filepath.Join(dir, "node"))
	if err != nil {
		return nil, err
	}
	n := &node{process: p, url: "http://" + addr}
	err = p.wait(ctx, func() bool {
		res, err := http.Get(n.url + "/")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	if err != nil {
		p.stop()
		return nil, err
	}
	return n, nil
}
