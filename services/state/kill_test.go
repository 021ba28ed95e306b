package state

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

var kills = flag.Int("kills", 5, "how often the writer of a state is killed")

// childDir names the folder that this program, started again, writes to.
const childDir = "GATEWATCH_TEST_STATE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever writes two alerts for each offset and prints what is durable.
func writeForever(dir string) error {
	ctx := context.Background()
	d, err := Open(ctx, dir, clock)
	if err != nil {
		return err
	}
	for next := d.Applied() + 1; ; next++ {
		found := []*event.Event{finding(fmt.Sprint("x", next), 1), finding(fmt.Sprint("y", next), 1)}
		if err := d.Write(ctx, found, next); err != nil {
			return err
		}
		if _, err := fmt.Println(next); err != nil {
			return err
		}
	}
}

// TestKill: after signal 9 the alerts are those of the offset that is kept with
// them, which is not before the last one that was acknowledged.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for i := range *kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var acked uint64
		lines := bufio.NewReader(out)
		for range 20 + 7*i {
			if _, err := fmt.Fscan(lines, &acked); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for err == nil { // what it acknowledged until then
			_, err = fmt.Fscan(lines, &acked)
		}
		if _, err := io.Copy(io.Discard, lines); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		d := open(t, dir)
		if d.Applied() < acked {
			t.Errorf("kept up to %d, acknowledged %d", d.Applied(), acked)
		}
		if n := len(ids(t, d, Place{})); n != 2*int(d.Applied()) {
			t.Errorf("%d alerts up to offset %d", n, d.Applied())
		}
	}
}
