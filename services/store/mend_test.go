package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
)

// withFindings makes the events of mixed, and a finding behind every seventh.
func withFindings(from, to int) Batch {
	b := Batch{First: uint64(from), Next: uint64(to)}
	for n := from; n < to; n++ {
		b.Events = append(b.Events, mixed(n, n+1)...)
		if n%7 == 0 {
			f := numbered(n, n+1)[0]
			f.ID, f.Dataset = "finding of "+f.ID, derivedDataset
			b.Events = append(b.Events, f)
		}
	}
	return b
}

// again is the queue of a test: it holds offsets from oldest on, and no findings.
func again(oldest uint64) Source {
	return func(_ context.Context, first, next uint64, write func(Batch) error) error {
		if first < oldest {
			return ErrGone
		}
		for at := first; at < next; at += 50 { // it may give more than was asked for
			end := at + 50
			if end >= next {
				end = next + 10
			}
			if err := write(Batch{Events: mixed(int(at), int(end)), First: at, Next: end}); err != nil {
				return err
			}
		}
		return nil
	}
}

// everything returns all events of a store as JSON, newest first.
func everything(t testing.TB, s Store) (all []string, partial bool) {
	t.Helper()
	p, err := s.Search(t.Context(), SearchRequest{Query: mustParse(t, "*")}, func(e *event.Event) error {
		all = append(all, string(e.AppendJSON(nil)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, len(p.Stats.Partial) > 0
}

// mendUntil lets a store mend itself until nothing is known to be damaged, or a
// segment was given up.
func mendUntil(t testing.TB, s *Columnar, source Source) (mended bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	failed := make(chan struct{})
	go func() {
		done <- s.Mend(ctx, func(ctx context.Context, first, next uint64, write func(Batch) error) error {
			err := source(ctx, first, next, write)
			if err != nil {
				close(failed)
			}
			return err
		})
	}()
	limit := time.After(patience)
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-failed:
		case <-changed:
			if s.Damaged() > 0 {
				continue
			}
			mended = true
		case <-limit:
			t.Fatal("the store is not mended")
		default:
			if s.Damaged() > 0 {
				select {
				case <-changed:
				case <-failed:
				case <-limit:
					t.Fatal("the store is not mended")
				}
				continue
			}
			mended = true
		}
		break
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return mended
}

// lostRows is how many events a store says to have lost, with a file for each.
func lostRows(s *Columnar) (n int64) {
	for _, l := range s.Lost() {
		if l.Kept {
			n += l.Rows
		}
	}
	return n
}

// TestFlippedBitsAreMended flips bits all over segments of three streams. Each is
// found by a query or at the start, the rest of the answer is right meanwhile, and
// then the store is as it was: from the queue if it holds the records, else not.
func TestFlippedBitsAreMended(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	dir := t.TempDir()
	cfg := Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1, files: hasty{}}
	s := mustOpen(t, dir, cfg)
	for at := 1; at < 401; at += 100 {
		if err := s.Write(t.Context(), withFindings(at, at+100)); err != nil {
			t.Fatal(err)
		}
		flushed(t, s)
	}
	want, _ := everything(t, s)
	s.Close()
	mended, kept := 0, 0
	for range 60 {
		copied := crashed(t, dir)
		ids, err := segmentIDs(copied)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(copied, segmentName(ids[r.IntN(len(ids))]))
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(raw)
		var told []Mended // by the audit log
		cfg.Audit = func(c Change) (func(bool), error) {
			for _, x := range c.Added {
				if x.Mended != nil && c.Why == "repair" {
					told = append(told, *x.Mended)
				}
			}
			return func(bool) {}, nil
		}
		s := mustOpen(t, copied, cfg)
		got, partial := everything(t, s)
		for _, e := range got {
			if !slices.Contains(want, e) {
				t.Fatalf("an event that never was: %s", e)
			}
		}
		if !partial && len(got) != len(want) {
			t.Fatalf("%d of %d events, and no word of it", len(got), len(want))
		}
		if s.Damaged() == 0 { // a filter, or the header of the file: verify finds it
			s.Close()
			continue
		}
		if !mendUntil(t, s, again(1)) {
			t.Fatal("a damage was not mended")
		}
		got, partial = everything(t, s)
		lost := slices.DeleteFunc(slices.Clone(want), func(e string) bool { return slices.Contains(got, e) })
		if partial || len(got) > len(want) {
			t.Fatalf("%d events after mending, want %d, partial %v", len(got), len(want), partial)
		}
		for _, e := range lost { // what no queue gives back
			if !strings.Contains(e, derivedDataset) {
				t.Errorf("lost: %s", e)
			}
		}
		for _, e := range got {
			if !slices.Contains(want, e) && (!strings.Contains(e, derivedDataset) || !strings.Contains(e, "lost are ")) {
				t.Errorf("changed: %s", e)
			}
		}
		if len(lost) == 0 {
			kept++
		}
		if told := lostRows(s); told != int64(len(want)-len(got)) {
			t.Errorf("%d events are lost, and the store says %d", len(want)-len(got), told)
		}
		noted := s.Mended()
		if diff := cmp.Diff(noted, told); diff != "" || len(noted) != 1 {
			t.Fatalf("%d mended segments are noted, and audited (-noted +audited): %s", len(noted), diff)
		}
		if m := noted[0]; m.File != filepath.Base(path) || m.Found != hex.EncodeToString(sum[:]) || m.Lost != int64(len(want)-len(got)) || m.By == "" {
			t.Errorf("the note is not of the damaged file: %+v", m)
		}
		if _, err := s.Verify(t.Context(), func(d Damage) {
			if len(lost) == 0 || filepath.Dir(d.File) != QuarantineName {
				t.Errorf("still damaged: %+v", d)
			}
		}, nil); err != nil {
			t.Fatal(err)
		}
		mended++
		s.Close()
		cfg.Audit = nil
		s = mustOpen(t, copied, cfg)
		if diff := cmp.Diff(noted, s.Mended()); diff != "" {
			t.Errorf("a start forgets what was mended: %s", diff)
		}
		if again, partial := everything(t, s); partial || !slices.Equal(again, got) {
			t.Error("a mended store is another one after a start")
		}
		s.Close()
	}
	if mended < 20 || kept < 10 {
		t.Errorf("%d damages were mended, %d of them wholly", mended, kept)
	}
}

// TestLostSegmentIsMended: a segment that is gone, or has nothing left that can be
// read, is made again for its own stream alone.
func TestLostSegmentIsMended(t *testing.T) {
	f := func(oldest uint64, damage func(path string) error, mends bool) {
		t.Helper()
		dir := t.TempDir()
		inStreams(t, dir)
		cfg := Config{Streams: threeStreams, RetainAge: -1, SegmentBytes: 1}
		ids, err := segmentIDs(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(filepath.Join(dir, segmentName(ids[4]))); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, dir, cfg)
		if _, partial := everything(t, s); !partial {
			t.Error("a lost segment is not reported")
		}
		if got := mendUntil(t, s, again(oldest)); got != mends {
			t.Fatalf("mended: %v", got)
		}
		if mends {
			wantIDs(t, s, "*", 1, 401)
			wantCount(t, s, "gatewatch.stream: waf", 200, 4)
			wantCount(t, s, "gatewatch.stream: web", 100, 4)
		}
	}
	cut := func(path string) error { return os.Truncate(path, 70) }
	header := func(path string) error { return os.WriteFile(path, make([]byte, 2000), 0o600) }
	footer := func(path string) error {
		st, err := os.Stat(path)
		return errors.Join(err, os.Truncate(path, st.Size()-20))
	}
	f(1, os.Remove, true)
	f(101, os.Remove, true)
	f(150, os.Remove, false)
	f(1, cut, true)
	f(1, header, true)
	f(999, footer, true) // the blocks are whole: no queue is needed
}
