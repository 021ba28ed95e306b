package ingest

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
)

func TestRestartOnDisk(t *testing.T) {
	dir := t.TempDir()
	for round := range 5 {
		disk, err := queue.Open(filepath.Join(dir, "queue"), queue.Config{Consumers: []string{Consumer}}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), dir, disk, Config{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for seq := range uint64(round + 1) {
			want := ErrDuplicate
			if seq == uint64(round) {
				want = nil
			}
			if err := worstOf(s.PutAt(t.Context(), at("n", 1, seq+1))); !errors.Is(err, want) {
				t.Errorf("round %d: sequence %d: %v, want %v", round, seq+1, err, want)
			}
			if err := worstOf(s.Put(t.Context(), named("b", string(rune('a'+seq))+"=x"))); !errors.Is(err, want) {
				t.Errorf("round %d: id %d: %v, want %v", round, seq, err, want)
			}
		}
		// Every other round ends like a kill: nothing is saved.
		if round%2 == 0 {
			s.cancel()
			<-s.stopped
		} else if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	}
}
