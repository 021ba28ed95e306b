package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// noise makes events of bytes that do not compress, each to a stream of its own in
// turn.
func noise(from, to, bytes, streams int) Batch {
	r := rand.NewChaCha8([32]byte{byte(from), byte(from >> 8)})
	raw := make([]byte, bytes)
	b := Batch{Events: numbered(from, to), First: uint64(from), Next: uint64(to)}
	for i := range b.Events {
		_, _ = r.Read(raw)
		b.Events[i].AddText(event.Intern("noise"), string(raw))
		b.Events[i].Dataset = fmt.Sprintf("stream.%d", (from+i)%streams)
	}
	return b
}

// manyStreams routes the datasets of noise.
func manyStreams(n int) (all []StreamConfig) {
	for i := range n {
		name := fmt.Sprintf("stream.%d", i)
		all = append(all, StreamConfig{Name: name, Filter: "event.dataset: " + name})
	}
	return all
}

// TestHeadIsBoundedInBytes: large events in few and in many streams are written to
// segments by their bytes, and no more than twice the limit and a batch is in memory.
func TestHeadIsBoundedInBytes(t *testing.T) {
	f := func(limit int64, events, batch, bytes, streams int) {
		t.Helper()
		s := mustOpen(t, t.TempDir(), Config{FlushBytes: limit, Streams: manyStreams(streams), files: hasty{}, MinFreeBytes: 1})
		most := int64(0)
		for at := 1; at <= events; at += batch {
			b := noise(at, at+batch, bytes, streams)
			if err := s.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			n, unmarked := s.head.bytes()
			s.mu.Unlock()
			if unmarked >= limit {
				t.Fatalf("%d bytes wait and are not to be written, the limit is %d", unmarked, limit)
			}
			most = max(most, n)
		}
		if bound := 2*limit + int64(batch)*int64(bytes+1000); most > bound {
			t.Errorf("%d bytes were in memory, want %d at most", most, bound)
		}
		await(t, s, func() bool { return len(s.head.marks) == 0 })
		if all, _ := ids(t, s, "*"); len(all) != events {
			t.Errorf("%d events are found, want %d", len(all), events)
		}
		if rows, written, segments := s.totals(); segments == 0 || written < limit {
			t.Errorf("%d rows, %d bytes in %d segments", rows, written, segments)
		}
	}
	f(2<<20, 60, 4, 256<<10, 1)
	f(2<<20, 640, 64, 16<<10, 64)
	f(1<<20, 6, 2, 2<<20, 2) // one batch is over the limit
}

// TestFullHeadWaits: while nothing can be written to segments no batch is taken over
// the limit, and those that wait end with their context.
func TestFullHeadWaits(t *testing.T) {
	cfg := Config{FlushBytes: 1 << 20, files: refusing{}, MinFreeBytes: 1}
	s, err := Open(t.TempDir(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // which cannot write either
	held := func() (n int64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		n, _ = s.head.bytes()
		return n
	}
	for at := 1; held() < 2<<20; at += 4 {
		if err := s.Write(t.Context(), noise(at, at+4, 128<<10, 1)); err != nil || at > 80 {
			t.Fatalf("batch %d: %v", at, err)
		}
	}
	// What is encoded takes no less, as it is noise.
	await(t, s, func() bool { return s.head.countUnsealed() == 0 })
	s.mu.Lock()
	full := s.headFull()
	s.mu.Unlock()
	if n := held(); !full || n < 2<<20 {
		t.Fatalf("with %d bytes the head takes more: %v", n, !full)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, noise(1000, 1004, 128<<10, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("write to a full head: %v", err)
	}
}

// refusing are files that take nothing.
type refusing struct{ hasty }

func (refusing) write(string, func(*os.File) error) error { return errors.New("no") }
