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
	"strings"
	"testing"
	"time"

	corazahttp "github.com/corazawaf/coraza/v3/http"
	"golang.org/x/sys/unix"
)

// childEnv holds the task of a child process.
const childEnv = "GATEWATCH_WAF_TEST_CHILD"

// childTask is what a child process does. For each line on its standard input
// it prints how much CPU it has used, in nanoseconds.
type childTask struct {
	Variant string
	Config  Config
}

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
		go tellCPU(os.Stdin)
		err = task.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func tellCPU(asked io.Reader) {
	for lines := bufio.NewScanner(asked); lines.Scan(); {
		var used unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		fmt.Println(used.Utime.Nano() + used.Stime.Nano())
	}
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

// cpu returns how much the child has used.
func (c *childProcess) cpu(t testing.TB) time.Duration {
	t.Helper()
	if _, err := fmt.Fprintln(c.in); err != nil {
		t.Fatal(err)
	}
	var used time.Duration
	if _, err := fmt.Sscanf(c.line(t), "%d", &used); err != nil {
		t.Fatal(err)
	}
	return used
}

// kill ends the child by signal 9.
func (c *childProcess) kill() {
	_ = c.cmd.Process.Kill() // it may be dead
	_ = c.cmd.Wait()
}
