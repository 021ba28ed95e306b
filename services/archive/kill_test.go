package archive

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// childDir tells a child in which folder to make archives until it is killed.
const childDir = "GATEWATCH_TEST_ARCHIVE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		archiveForEver(dir)
	}
	os.Exit(m.Run())
}

// archiveForEver makes archives and prints a line at each step.
func archiveForEver(dir string) {
	for n := 0; ; n++ {
		o := Options{Name: fmt.Sprint(os.Getpid(), "-", n), Now: noon}
		_, err := Create(context.Background(), dir, o, func(yield func(*event.Event) error) error {
			for i := range 200 {
				fmt.Println("step")
				if err := yield(&event.Event{ID: fmt.Sprint(i), Time: noon.UnixNano() + int64(i)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("made", o.Name)
	}
}

// TestKilled: whenever the process is killed, an archive is whole or not there,
// and those that were reported are.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(8, 8))
	made := map[string]bool{}
	for range fewer(20, 3) {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for steps := 1 + r.IntN(600); steps > 0 && lines.Scan(); steps-- {
			if name, ok := strings.CutPrefix(lines.Text(), "made "); ok {
				made[name] = true
			}
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		all, problems, err := List(dir)
		if err != nil || len(problems) != 0 {
			t.Fatalf("%v, %v", problems, err)
		}
		there := map[string]bool{}
		for _, m := range all {
			there[m.Name] = true
			if errs := m.Verify(t.Context(), nil); errs != nil || m.Rows != 200 {
				t.Fatalf("%s: %d rows, %v", m.Name, m.Rows, errs)
			}
		}
		for name := range made {
			if !there[name] {
				t.Errorf("%s is gone", name)
			}
		}
	}
	if len(made) == 0 {
		t.Error("no archive was made")
	}
	mustCreate(t, dir, Options{Name: "last"}, []*event.Event{{ID: "1", Time: 1}})
	if left, err := filepath.Glob(filepath.Join(dir, ".*"+unfinished)); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
