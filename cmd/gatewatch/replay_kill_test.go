package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReplayIsKilled kills replays with SIGKILL, later and later, until one
// comes to its end. After each kill every event is there once, and a server that
// is started next would go on.
func TestReplayIsKilled(t *testing.T) {
	const records = 8000
	dir := t.TempDir()
	data, config := filepath.Join(dir, "data"), filepath.Join(dir, "gatewatch.yaml")
	var log bytes.Buffer
	for i := range records {
		fmt.Fprintf(&log, `2026/11/21 02:00:00 [error] 7#7: *%d x, client: 203.0.113.9, server: s, request: "GET / HTTP/1.1", host: "h"`+"\n", i)
	}
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	steps := "store: {flush_rows: 900}\npipeline: {batch_events: 100"
	write(config, steps+", sources: {edge: {format: syslog}}}")
	command(t, "ingest", "--data", data, "--config", config, "--format", "nginx.error", "--source", "edge",
		write(filepath.Join(dir, "error.log"), log.String()))
	want := fmt.Sprintf(`{"n":%d,"ids":%d}`+"\n", records, records)
	count := []string{"query", "--data", data, "--config", config, "* | stats n = count(), ids = count_distinct(event.id)"}
	if got := command(t, count...); got != want {
		t.Fatalf("before: %s", got)
	}

	write(config, steps+"}")
	program, err := exec.LookPath("gatewatch")
	if err != nil {
		t.Fatal(err)
	}
	kills := 0
	for after := 10 * time.Millisecond; ; after += after/4 + time.Millisecond {
		ctx, cancel := context.WithTimeout(t.Context(), after) // its end kills the program
		out, err := exec.CommandContext(ctx, program, "replay", "--data", data, "--config", config).CombinedOutput()
		cancel()
		if got := command(t, count...); got != want {
			t.Fatalf("after a kill at %s: %s", after, got)
		}
		if err == nil {
			break
		}
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Fatalf("replay: %v: %s", err, out)
		}
		kills++
	}
	if kills < 5 {
		t.Errorf("only %d replays were killed", kills)
	}
	well := command(t, "query", "--data", data, "--config", config, "source.ip: 203.0.113.9 | stats n = count()")
	if well != fmt.Sprintf(`{"n":%d}`+"\n", records) {
		t.Errorf("read well after %d kills: %s", kills, well)
	}
}

// command runs a command that must succeed and returns what it prints.
func command(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != exitOK {
		t.Fatalf("gatewatch %s: exit code %d: %s", args[0], code, errs.String())
	}
	return out.String()
}
