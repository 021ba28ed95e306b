package waf

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// crashes is how often TestCrash kills a node; CI has a few.
var crashes = flag.Int("crashes", 5, "how often the node is killed")

const childEnv = "GATEWATCH_WAF_TEST_CHILD"

// TestMain runs a node in a child process that a test kills.
func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		if err := child(args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

func child(args string) error {
	var c Config
	if err := json.Unmarshal([]byte(args), &c); err != nil {
		return err
	}
	n, err := NewNode(c, Options{Log: quiet})
	if err != nil {
		return err
	}
	n.stream.least = 10 * time.Millisecond
	fmt.Println(n.Address())
	return n.Run(context.Background())
}

// TestCrash kills a node with signal 9 under load, again and again. What its
// spool had written when it died arrives once and in order; what was answered
// later than the writer's last turn may be missing, and nothing else.
func TestCrash(t *testing.T) {
	c := newCollector()
	address, _ := c.start(t, "")
	config := testConfig(t, echo(t).URL)
	config.Server.Address = address
	args, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	for round := range *crashes {
		served += crashRound(t, string(args), round)
	}
	s := openTestSpool(t, config.Spool) // as the next start would
	defer startStream(t, s, address)()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Drained(ctx); err != nil {
		t.Fatal(err)
	}
	records := c.await(t, int(s.Stats().Last))
	seen := map[string]bool{}
	for i, r := range records {
		var e map[string]any
		if err := json.Unmarshal(r, &e); err != nil {
			t.Fatal(err)
		}
		path := e["url.path"].(string)
		if seen[path] || c.sent[i] != uint64(i+1) {
			t.Fatalf("record %d has sequence %d and is of %s", i, c.sent[i], path)
		}
		seen[path] = true
	}
	// At each death at most the requests of the last moment are on their way.
	if lost := served - len(seen); lost > 20*(*crashes) {
		t.Errorf("%d requests served, %d events", served, len(seen))
	}
}

// crashRound starts a node, sends requests, kills it, and returns how many were
// answered.
func crashRound(t *testing.T, args string, round int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+args)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("child: %v", err)
	}
	url := "http://" + strings.TrimSpace(line)
	client := &http.Client{Timeout: 10 * time.Second}
	served := 0
	for i := range 60 + 17*round {
		resp, err := client.Get(fmt.Sprintf("%s/%d/%d", url, round, i))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		served++
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	return served
}
