package audit

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var kills = flag.Int("kills", 10, "how often the writer of a log is killed")

// childDir names the log that this program, started again, writes to.
const childDir = "GATEWATCH_TEST_AUDIT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever lets several writers append leaves, and prints which are durable.
func writeForever(dir string) error {
	l, err := Open(dir, time.Now)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	start := time.Now().UnixNano()
	for w := range 8 {
		all.Go(func() {
			for i := 0; err == nil; i++ {
				object := fmt.Sprint(start, "-", w, "-", i)
				at, failed := l.Append(context.Background(), Leaf{Actor: Server, Act: ActAlert, Object: object})
				mu.Lock()
				if failed == nil {
					_, failed = fmt.Println(at, object)
				}
				if failed != nil {
					err = failed
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return err
}

// runAndKill runs the writer until it has acknowledged n leaves, kills it, and
// adds what it acknowledged.
func runAndKill(t *testing.T, dir string, n int, acked map[int64]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		var at int64
		var object string
		if _, err := fmt.Sscan(lines.Text(), &at, &object); err != nil {
			break // cut off by the kill
		}
		if other, ok := acked[at]; ok {
			t.Errorf("index %d was given to %s and %s", at, other, object)
		}
		acked[at] = object
		if i == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
}

// lost returns how many of the acknowledged leaves are not in a log.
func lost(t *testing.T, dir string, acked map[int64]string) int {
	t.Helper()
	got := leaves(t, dir)
	n := 0
	for at, object := range acked {
		if at >= int64(len(got)) || got[at].Object != object {
			n++
		}
	}
	return n
}

// TestKill: signal 9 loses no leaf that was acknowledged, and the log is sound
// before and after it is opened again.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Dir)
	acked := map[int64]string{}
	for i := range *kills {
		runAndKill(t, dir, 20+37*i%200, acked)
		if n := lost(t, dir, acked); n > 0 {
			t.Fatalf("kill %d: %d of %d leaves are lost", i, n, len(acked))
		}
	}
	t.Logf("%d kills, %d leaves acknowledged", *kills, len(acked))
}

// TestKillShowsLoss is the control that must fail: a log whose last batch and
// checkpoint are gone, as if they had not been synced.
func TestKillShowsLoss(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Dir)
	l := open(t, dir)
	acked := map[int64]string{}
	for i := range 5 {
		object := fmt.Sprint(i)
		at, err := l.Append(t.Context(), Leaf{Act: ActAlert, Object: object})
		if err != nil {
			t.Fatal(err)
		}
		acked[at] = object
	}
	c := takeTail(t, dir)
	last := c[len(c)-1]
	tail, err := readTail(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		tailFile: tail[:len(tail)-len(appendBatch(nil, last.leaves, last.hashes, last.signed))], checkpointFile: c[len(c)-2].signed,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n := lost(t, dir, acked); n != 1 {
		t.Errorf("%d of the leaves are found to be lost, want 1", n)
	}
}
