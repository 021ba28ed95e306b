package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal opens both ends of a terminal.
func openTerminal(t *testing.T) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, tty
}

// TestTypedInput runs commands whose standard input is a terminal: they say that
// they wait, or where they can read from.
func TestTypedInput(t *testing.T) {
	t.Setenv("GATEWATCH_SERVER", "")
	f := func(wantCode int, wantErr string, args ...string) {
		t.Helper()
		master, tty := openTerminal(t)
		defer master.Close()
		defer tty.Close()
		if _, err := master.WriteString("\x04"); err != nil { // Ctrl-D
			t.Fatal(err)
		}
		var errs bytes.Buffer
		if code := run(t.Context(), args, tty, io.Discard, &errs); code != wantCode || !strings.Contains(errs.String(), wantErr) {
			t.Errorf("%v: exit code %d, %s", args, code, errs.String())
		}
	}
	f(exitUsage, "nothing says where the decisions are: give --server URL", "waf", "rates")
	f(exitUsage, "nothing says where the decisions are: give --server URL", "waf", "sample", "--budget", "3")
	f(exitOK, "reading what you type; Ctrl-D ends it", "waf", "rates", "-")
	f(exitOK, "reading what you type; Ctrl-D ends it", "waf", "score")
}

// onTerminal runs a command line whose output is a terminal of a width.
func onTerminal(t *testing.T, width uint16, args ...string) (screen, stderr string, code int) {
	t.Helper()
	master, tty := openTerminal(t)
	defer master.Close()
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width}); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string)
	go func() {
		b, _ := io.ReadAll(master) // ends with an error once the terminal is closed
		shown <- strings.ReplaceAll(string(b), "\r\n", "\n")
	}()
	var errs bytes.Buffer
	code = run(t.Context(), args, nil, tty, &errs)
	tty.Close()
	return <-shown, errs.String(), code
}

func TestQueryOnTerminal(t *testing.T) {
	dir := t.TempDir()
	data, log := filepath.Join(dir, "data"), filepath.Join(dir, "waf.log")
	if err := os.WriteFile(log, []byte(strings.Repeat(wafBlock+"\n"+wafProxy+"\n", 80)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"ingest", "--data", data, "--format", "coraza.waf", log}, nil, io.Discard, t.Output()); code != exitOK {
		t.Fatalf("ingest: exit code %d", code)
	}
	screen, stderr, code := onTerminal(t, 90, "query", "--data", data, "event.dataset: coraza.waf")
	lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
	if len(lines) != 1+terminalRows || !strings.Contains(stderr, "the newest 100 events are shown") || code != exitOK {
		t.Errorf("%d lines, %s, exit code %d", len(lines), stderr, code)
	}
	for _, line := range lines {
		if textWidth(line) > 90 || !strings.HasPrefix(line, "@TIMESTAMP") && !strings.Contains(line, "/") {
			t.Errorf("line %q", line)
		}
	}
	for _, query := range []string{"url.path: /none", "url.path: /none | stats n = count() by url.path"} {
		screen, stderr, code = onTerminal(t, 90, "query", "--data", data, query)
		if strings.Count(screen, "\n") != 1 || stderr != "no event matches\n" || code != exitOK {
			t.Errorf("%s: %q, %q, exit code %d", query, screen, stderr, code)
		}
	}
}
