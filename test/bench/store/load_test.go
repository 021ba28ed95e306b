package main

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStream compares what is sent while it is made with a generated file.
func TestStream(t *testing.T) {
	const n = 3000
	to := time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC)
	var file bytes.Buffer
	want, err := generate(&file, n, to, 7, false)
	if err != nil {
		t.Fatal(err)
	}
	o := options{events: n, batch: 700, seed: 7, senders: 3}
	var mu sync.Mutex
	var sent []string
	sizes := map[int]int{}
	count, got, err := o.stream(to, func(lines []byte) error {
		mu.Lock()
		defer mu.Unlock()
		sizes[bytes.Count(lines, []byte{'\n'})]++
		for line := range bytes.Lines(lines) {
			sent = append(sent, string(line))
		}
		return nil
	})
	if err != nil || count != n {
		t.Fatalf("%d sent: %v", count, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-file +stream):\n%s", diff)
	}
	if diff := cmp.Diff(map[int]int{700: 4, 200: 1}, sizes); diff != "" {
		t.Error(diff)
	}
	var lines []string
	for line := range bytes.Lines(file.Bytes()) {
		lines = append(lines, string(line))
	}
	slices.Sort(lines)
	slices.Sort(sent)
	if !slices.Equal(lines, sent) {
		t.Error("other lines are sent than those of the file")
	}

	refused := errors.New("refused")
	if _, _, err := o.stream(to, func([]byte) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("a batch that is refused: %v", err)
	}
}
