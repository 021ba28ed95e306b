package ingest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatewatch/gatewatch/services/queue"
)

// TestDisorderIsNoDuplicate tells records that are stored already from those
// that came in the wrong order.
func TestDisorderIsNoDuplicate(t *testing.T) {
	epoch := queue.Epoch{1}
	f := func(last uint64, seqs []uint64, want ...error) {
		t.Helper()
		log := newMemoryLog()
		s := openSink(t, log, Config{})
		if last > 0 {
			s.positions.raise(positionKey{"a", epoch}, last)
		}
		records := make([]queue.Record, len(seqs))
		stored := 0
		for i, seq := range seqs {
			records[i] = queue.Record{Seq: seq, Raw: []byte("x")}
			if want == nil || want[i] == nil {
				stored++
			}
		}
		errs := s.PutAt(t.Context(), queue.Group{Source: "a", Format: "json", Epoch: epoch, Records: records})
		if diff := cmp.Diff(want, errs, cmpopts.EquateErrors()); diff != "" {
			t.Errorf("%d after %d: %s", seqs, last, diff)
		}
		got := 0
		for _, g := range log.groups {
			got += len(g.Records)
		}
		if got != stored {
			t.Errorf("%d after %d: %d stored, want %d", seqs, last, got, stored)
		}
	}
	f(0, []uint64{5, 3, 9, 7}, nil, ErrSequence, nil, ErrSequence)
	f(4, []uint64{5, 3, 9, 7}, nil, ErrDuplicate, nil, ErrSequence)
	f(9, []uint64{5, 3, 9, 7}, ErrDuplicate, ErrDuplicate, ErrDuplicate, ErrDuplicate)
	f(0, []uint64{1, 1}, nil, ErrSequence)
	f(0, []uint64{1, 2, 3})
	f(1, []uint64{MaxSequence}, ErrSequence)
	f(1, []uint64{1 + MaxJump})
	f(1, []uint64{2 + MaxJump, 2}, ErrSequence, nil)
	f(0, []uint64{MaxSequence})
}
