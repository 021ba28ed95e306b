package queue_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

func TestContract(t *testing.T) {
	real := func(dir string, cfg queue.Config) (*queue.Disk, error) { return queue.Open(dir, cfg, nil, nil) }
	faulty := func(dir string, cfg queue.Config) (*queue.Disk, error) {
		return queue.OpenFaulty(dir, cfg, &queue.Faults{})
	}
	f := func(name string, open func(string, queue.Config) (*queue.Disk, error), cfg queue.Config) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			queuetest.Run(t, func(t *testing.T, name string) queue.Queue {
				q, err := open(filepath.Join(dir, name), cfg)
				if err != nil {
					t.Fatal(err)
				}
				return q
			})
		})
	}
	f("default", real, queue.Config{})
	f("no tail", real, queue.Config{TailBytes: -1})
	f("small segments", real, queue.Config{TailBytes: 4 << 10, SegmentBytes: 1})
	f("file system that can fail", faulty, queue.Config{TailBytes: -1})
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	q, err := queue.Open(dir, queue.Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := queue.Open(dir, queue.Config{}, nil, nil); err == nil {
		t.Error("a second open of the same directory succeeded")
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q, err = queue.Open(dir, queue.Config{}, nil, nil)
	if err != nil {
		t.Fatalf("open after close: %v", err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTooLarge(t *testing.T) {
	q, err := queue.Open(t.TempDir(), queue.Config{MaxAppendBytes: 1000}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 1, 1000)); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("append = %v, want %v", err, queue.ErrTooLarge)
	}
	if at, err := q.Append(t.Context(), queuetest.Records("a", 1, 1, 100)); err != nil || at != 1 {
		t.Errorf("append = %d, %v, want 1", at, err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	q, err := queue.Open(t.TempDir(), queue.Config{}, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 7, 100)); err != nil {
		t.Fatal(err)
	}
	if err := q.Commit(t.Context(), "store", 3); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	f := func(name string, want float64) {
		t.Helper()
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	f("gatewatch_queue_appended_records_total", 7)
	f("gatewatch_queue_rounds_total", 1)
	f("gatewatch_queue_next_offset", 8)
	f("gatewatch_queue_lag_records", 5)
	f("gatewatch_queue_refusing", 0)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}
