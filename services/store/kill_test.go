package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// killDir names the directory that a child process writes to.
const killDir = "GATEWATCH_TEST_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeUntilKilled flushes and merges all the time, and prints what it said to
// be applied.
func writeUntilKilled(dir string) error {
	s, err := Open(dir, Config{FlushRows: 20, RetainAge: -1})
	if err != nil {
		return err
	}
	go func() {
		for {
			if _, err := s.merge(context.Background()); err != nil {
				panic(err)
			}
		}
	}()
	for at := int(max(1, s.Applied())); ; at += 10 {
		if err := s.Write(context.Background(), Batch{Events: numbered(at, at+10), First: uint64(at), Next: uint64(at + 10)}); err != nil {
			return err
		}
		fmt.Println(s.Applied())
	}
}

// TestKill kills a process that flushes and merges, again and again on the same
// files, and wants all that was said to be stored, once.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for round := range 12 {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), killDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := 0
		lines := bufio.NewScanner(out)
		for n := 0; said < total+50+13*round && lines.Scan(); n++ {
			if said, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // says that it was killed
		s := mustOpen(t, dir, Config{RetainAge: -1, SegmentBytes: 1})
		total = int(s.Applied())
		if total < said {
			t.Fatalf("round %d: applied %d, but %d was said", round, total, said)
		}
		wantIDs(t, s, "*", 1, total)
		s.Close()
	}
	if total < 600 {
		t.Errorf("only %d events were written", total)
	}
}
