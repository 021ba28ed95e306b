//go:build unix

package waf

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	corazahttp "github.com/corazawaf/coraza/v3/http"
	"golang.org/x/sys/unix"
)

// childEnv holds the task of a child process.
const childEnv = "GATEWATCH_WAF_TEST_CHILD"

// childTask is what a child process does. It prints its address, and an answer
// to each line on its standard input: to askCPU how much it has used, in
// nanoseconds; to askSync, once all that was put before into its spool is
// durable, the sequence number of the last record.
type childTask struct {
	Variant string
	Config  Config
}

// Questions to a child.
const (
	askCPU  = "cpu"
	askSync = "sync"
)

// Variants of a child.
const (
	variantNode   = "node"
	variantQuiet  = "node without events"
	variantCoraza = "coraza" // Coraza's own middleware before a reverse proxy
)

// TestMain runs the test, or a child of it.
func TestMain(m *testing.M) {
	args := os.Getenv(childEnv)
	if args == "" {
		os.Exit(m.Run())
	}
	var task childTask
	err := json.Unmarshal([]byte(args), &task)
	if err == nil {
		err = task.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// tell answers questions. A child that can not answer ends.
func tell(asked io.Reader, s *Spool) {
	for lines := bufio.NewScanner(asked); lines.Scan(); {
		answer, err := answerTo(lines.Text(), s)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(answer)
	}
}

func answerTo(question string, s *Spool) (uint64, error) {
	switch question {
	case askCPU:
		var used unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
			return 0, err
		}
		return uint64(used.Utime.Nano() + used.Stime.Nano()), nil
	case askSync:
		if err := s.Flush(context.Background()); err != nil {
			return 0, err
		}
		return s.Stats().Durable, nil
	}
	return 0, fmt.Errorf("unknown question %q", question)
}

func (task childTask) run() error {
	if task.Variant == variantCoraza {
		return serveCoraza(task.Config)
	}
	n, err := NewNode(task.Config, Options{Log: quiet})
	if err != nil {
		return err
	}
	n.stream.least = 10 * time.Millisecond
	if task.Variant == variantQuiet {
		n.sink = nil
	}
	fmt.Println(n.Address())
	go tell(os.Stdin, n.spool)
	return n.Run(context.Background())
}

// serveCoraza is a proxy with the rules and the transport of a node, and nothing
// else of it.
func serveCoraza(c Config) error {
	site := c.Sites[0].withDefaults()
	engine, err := Compile(site.Rules)
	if err != nil {
		return err
	}
	b, err := newBackends(site, time.Minute, time.Now, func(string) {})
	if err != nil {
		return err
	}
	target, err := url.Parse(site.Upstreams[0])
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Transport:  b.transport,
		BufferPool: &copyBuffers{},
		Rewrite:    func(pr *httputil.ProxyRequest) { pr.SetURL(target); pr.SetXForwarded() },
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go tell(os.Stdin, nil)
	return http.Serve(l, corazahttp.WrapHandler(engine.waf, proxy))
}

// startChild runs a task in a child process, which is killed when the test ends,
// and returns the URL that it serves.
func startChild(t testing.TB, task childTask) (c *childProcess, url string) {
	t.Helper()
	args, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	c = &childProcess{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(args))
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c, "http://" + c.line(t)
}

type childProcess struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func (c *childProcess) line(t testing.TB) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("child: %v", err)
	}
	return strings.TrimSpace(line)
}

// ask returns the answer to a question.
func (c *childProcess) ask(t testing.TB, question string) uint64 {
	t.Helper()
	if _, err := fmt.Fprintln(c.in, question); err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(c.line(t), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// cpu returns how much the child has used.
func (c *childProcess) cpu(t testing.TB) time.Duration {
	t.Helper()
	return time.Duration(c.ask(t, askCPU))
}

// kill ends the child by signal 9.
func (c *childProcess) kill() {
	_ = c.cmd.Process.Kill() // it may be dead
	_ = c.cmd.Wait()
}
