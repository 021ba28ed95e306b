package queue_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

const (
	childDir    = "GATEWATCH_TEST_QUEUE_DIR"
	childRun    = "GATEWATCH_TEST_QUEUE_RUN"
	childNoSync = "GATEWATCH_TEST_QUEUE_NO_SYNC"
)

// TestMain is also the program that the fault tests kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := produce(dir, os.Getenv(childRun), os.Getenv(childNoSync) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const (
	producers      = 4
	childAppend    = 20 // records
	childRecord    = 500
	childSegment   = 1 << 20
	producersSmall = 2 // of the producers append one record at a time
)

// produce appends from several goroutines and prints "source seq count" after
// each acknowledgement, until its standard input ends.
func produce(dir, run string, noSync bool) error {
	cfg := queue.Config{SegmentBytes: childSegment, RetainBytes: -1}
	q, err := queue.Open(dir, cfg, nil, nil)
	if noSync {
		if err == nil {
			err = q.Close()
		}
		if err == nil {
			q, err = queue.OpenFaulty(dir, cfg, &queue.Faults{NoSync: true})
		}
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1)) // returns when the parent closes the pipe
		cancel()
	}()
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			source, n := fmt.Sprintf("run%s-%d", run, p), childAppend
			if p < producersSmall {
				n = 1
			}
			for seq := uint64(0); ctx.Err() == nil; seq += uint64(n) {
				if _, err := q.Append(context.WithoutCancel(ctx), queuetest.Records(source, seq, n, childRecord)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				fmt.Fprintf(os.Stdout, "%s %d %d\n", source, seq, n)
			}
		})
	}
	wg.Wait()
	return q.Close()
}

// child is a running produce.
type child struct {
	cmd   *exec.Cmd
	stdin interface{ Close() error }
	enough,
	done chan struct{}

	mu     sync.Mutex
	acked  map[string]uint64 // by source, the records acknowledged
	frozen bool
}

// startChild starts a produce in dir; its channel enough is closed once that
// many records are acknowledged.
func startChild(t *testing.T, dir, run string, noSync bool, enough uint64) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.Command(exe), acked: map[string]uint64{}, enough: make(chan struct{}), done: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childDir+"="+dir, childRun+"="+run)
	if noSync {
		c.cmd.Env = append(c.cmd.Env, childNoSync+"=1")
	}
	var stderr strings.Builder
	c.cmd.Stderr = &stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		var total uint64
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var source string
			var seq, n uint64
			if _, err := fmt.Sscan(lines.Text(), &source, &seq, &n); err != nil {
				continue // the last line may be torn by the kill
			}
			c.mu.Lock()
			if !c.frozen {
				c.acked[source] = seq + n
			}
			c.mu.Unlock()
			if total < enough && total+n >= enough {
				close(c.enough)
			}
			total += n
		}
	}()
	select {
	case <-c.enough:
	case <-c.done:
		t.Fatalf("child ended early: %s", stderr.String())
	case <-time.After(4 * time.Minute): // each acknowledgement is a sync of the disk
		_ = c.cmd.Process.Kill()
		t.Fatal("child acknowledged too little in four minutes")
	}
	return c
}

// freeze counts no acknowledgement from now on: what arrives after the power is
// gone cannot have left the machine. The kernel, which only plays dead, does
// still let some syncs succeed: jbd2_complete_transaction returns 0 for a
// transaction whose commit was aborted before it was asked for.
func (c *child) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = true
}

// kill ends the child with signal 9 and waits for the last acknowledgements.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.done
	_ = c.cmd.Wait() // it was killed
}

// stop ends the child in good order.
func (c *child) stop(t *testing.T) {
	t.Helper()
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	<-c.done
	if err := c.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func (c *child) total() (n uint64) {
	for _, acked := range c.acked {
		n += acked
	}
	return n
}

// lost returns how many acknowledged records of the child an inventory lacks.
// Records out of order or twice fail the test.
func (c *child) lost(t *testing.T, inv inventory) (n uint64) {
	t.Helper()
	next := map[string]uint64{}
	found := map[string]uint64{}
	for i, r := range inv.records {
		source := inv.sources[i]
		if _, ours := c.acked[source]; !ours {
			continue
		}
		if r.Seq < next[source] {
			t.Errorf("%s: record %d found after %d", source, r.Seq, next[source]-1)
		}
		next[source] = r.Seq + 1
		if r.Seq < c.acked[source] {
			found[source]++
		}
	}
	for source, acked := range c.acked {
		n += acked - found[source]
	}
	return n
}
