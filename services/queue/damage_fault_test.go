package queue_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/queue/queuetest"
)

var flips = flag.Int("faults.flips", 100, "bits to flip, one at a time")

// written is a log of several segments and the append each record came with.
type written struct {
	dir    string
	firsts []queue.Offset // of the appends
	next   queue.Offset
}

// writeLog makes a log of appends of 1 to 9 records.
func writeLog(t *testing.T, appends int) written {
	t.Helper()
	w := written{dir: t.TempDir(), next: 1}
	q, err := queue.Open(w.dir, queue.Config{SegmentBytes: 1}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range appends {
		n := 1 + i%9
		at, err := q.Append(t.Context(), queuetest.Records("a", uint64(w.next), n, 300+i*7))
		if err != nil || at != w.next {
			t.Fatalf("append = %d, %v, want %d", at, err, w.next)
		}
		w.firsts = append(w.firsts, at)
		w.next += queue.Offset(n)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

// appendsIn returns how many whole appends make up a gap, -1 if it cuts one.
func (w written) appendsIn(g queue.GapError) int {
	from, whole := slices.BinarySearch(w.firsts, g.From)
	to, ok := slices.BinarySearch(w.firsts, g.To)
	if !whole || !ok && g.To != w.next {
		return -1
	}
	return to - from
}

func (w written) segments(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(w.dir, "*.seg"))
	if err != nil || len(names) < 4 {
		t.Fatalf("segments %v, %v, want at least 4", names, err)
	}
	return names
}

// check surveys the damaged log: what is read is right, and what is not read
// is reported. It returns the gaps.
func (w written) check(t *testing.T) []queue.GapError {
	t.Helper()
	inv := survey(t, w.dir, queue.Config{})
	if inv.next != w.next {
		t.Errorf("next offset = %d, want %d", inv.next, w.next)
	}
	for i, r := range inv.records {
		if queue.Offset(r.Seq) != inv.offsets[i] {
			t.Errorf("offset %d holds record %d", inv.offsets[i], r.Seq)
		}
	}
	return inv.gaps
}

func TestFlippedBits(t *testing.T) {
	w := writeLog(t, 300)
	if gaps := w.check(t); gaps != nil {
		t.Fatalf("control without damage: %v", gaps)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	f := func(name string, at int) {
		t.Helper()
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bit := byte(1) << rnd.IntN(8)
		b[at] ^= bit
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		gaps := w.check(t)
		if len(gaps) != 1 || w.appendsIn(gaps[0]) != 1 {
			t.Errorf("flip of bit %d at byte %d of %s: gaps %v, want one append", bit, at, filepath.Base(name), gaps)
		}
		b[at] ^= bit
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := w.segments(t)
	for at := range queue.HeaderSize {
		f(names[0], at)
		f(names[len(names)-1], at)
	}
	for range *flips {
		name := names[rnd.IntN(len(names))]
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		f(name, rnd.IntN(int(info.Size())))
	}
	if gaps := w.check(t); gaps != nil {
		t.Errorf("after the last flip was undone: %v", gaps)
	}
}

func TestMissingSegment(t *testing.T) {
	w := writeLog(t, 300)
	names := w.segments(t)
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		gaps := w.check(t)
		if len(gaps) != 1 || w.appendsIn(gaps[0]) < 1 {
			t.Errorf("without segment %d: gaps %v", i, gaps)
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if gaps := w.check(t); gaps != nil {
		t.Errorf("with all segments again: %v", gaps)
	}
}

func TestTruncatedSegment(t *testing.T) {
	w := writeLog(t, 300)
	names := w.segments(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{0, 1, queue.HeaderSize - 1, queue.HeaderSize, rnd.IntN(len(b)), rnd.IntN(len(b)), len(b) - 1} {
			if err := os.Truncate(name, int64(size)); err != nil {
				t.Fatal(err)
			}
			gaps := w.check(t)
			if len(gaps) != 1 || w.appendsIn(gaps[0]) < 1 {
				t.Errorf("%s cut to %d of %d bytes: gaps %v", filepath.Base(name), size, len(b), gaps)
			}
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLeftoverOfFailedWrite damages the frame before one that was written but
// whose sync failed: that one must not come back beside what was sent again.
func TestLeftoverOfFailedWrite(t *testing.T) {
	dir := t.TempDir()
	faults := &queue.Faults{Mode: queue.FailAfter}
	q, err := queue.OpenFaulty(dir, queue.Config{}, faults)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 5, 100)); err != nil {
		t.Fatal(err)
	}
	faults.FailWrites(true)
	if _, err := q.Append(t.Context(), queuetest.Records("a", 6, 9, 100)); err == nil {
		t.Fatal("an append whose write failed was acknowledged")
	}
	faults.FailWrites(false)
	if at, err := q.Append(t.Context(), queuetest.Records("a", 6, 4, 100)); err != nil || at != 6 {
		t.Fatalf("append = %d, %v, want 6", at, err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(names) != 2 {
		t.Fatalf("segments %v, %v, want 2", names, err)
	}
	f := func(want int) {
		t.Helper()
		inv := survey(t, dir, queue.Config{})
		if inv.next != 10 || len(inv.records) != want {
			t.Errorf("%d records to %d, want %d to 10", len(inv.records), inv.next, want)
		}
		if want < 9 && (len(inv.gaps) != 1 || inv.gaps[0].From != 1 || inv.gaps[0].To != 6) {
			t.Errorf("gaps %v, want 1 to 6", inv.gaps)
		}
	}
	f(9)
	b, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	b[queue.HeaderSize] ^= 1
	if err := os.WriteFile(names[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	f(4)
}

// TestDamagedCommits damages each of the two files of consumer offsets: that
// costs at most the last commit.
func TestDamagedCommits(t *testing.T) {
	dir := t.TempDir()
	q, err := queue.Open(dir, queue.Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 9, 100)); err != nil {
		t.Fatal(err)
	}
	if err := q.Commit(t.Context(), "store", 3); err != nil {
		t.Fatal(err)
	}
	if err := q.Commit(t.Context(), "store", 5); err != nil {
		t.Fatal(err)
	}
	f := func(name string) (committed, next queue.Offset) {
		t.Helper()
		crashed := t.TempDir() // the log as it is without a Close
		if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(crashed, name))
		if err != nil {
			t.Fatal(err)
		}
		b[20] ^= 1
		if err := os.WriteFile(filepath.Join(crashed, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := queue.Open(crashed, queue.Config{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, next = d.Bounds()
		committed = d.Committed("store")
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		return committed, next
	}
	a, nextA := f("commits.0")
	b, nextB := f("commits.1")
	if min(a, b) != 3 || max(a, b) != 5 || nextA != 10 || nextB != 10 {
		t.Errorf("committed %d or %d, next %d or %d, want 3 or 5, 10", a, b, nextA, nextB)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestForgedFrame appends records that hold whole frames, and damages the
// frame around them, so that the reader searches in what an attacker wrote.
func TestForgedFrame(t *testing.T) {
	// A frame that is right in all but its marker, cut out of another log.
	donor := writeLog(t, 300)
	name := donor.segments(t)[0]
	frame, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f := func(forge func(marker []byte, frame []byte) []byte) int {
		t.Helper()
		dir := t.TempDir()
		q, err := queue.Open(dir, queue.Config{}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Append(t.Context(), queuetest.Records("a", 1, 1, 10)); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
		if err != nil || len(names) != 1 {
			t.Fatalf("segments %v, %v", names, err)
		}
		head, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		forged := queuetest.Records("a", 2, 100, 10)
		forged[0].Records[0].Raw = forge(head[:8], frame)
		if _, err := q.Append(t.Context(), forged); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Append(t.Context(), queuetest.Records("a", 102, 1, 10)); err != nil {
			t.Fatal(err)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		b[len(head)+9] ^= 1 // in the header around the forgery
		if err := os.WriteFile(names[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		inv := survey(t, dir, queue.Config{})
		if len(inv.gaps) == 0 {
			t.Error("no gap was reported")
		}
		return len(inv.records) - 2
	}
	if n := f(func(_, frame []byte) []byte { return frame }); n != 0 {
		t.Errorf("%d forged records were read", n)
	}
	// Control: with the marker, which no sender can know, the forgery works.
	n := f(func(marker, frame []byte) []byte {
		return queue.Restamp(bytes.Clone(frame), marker)
	})
	if n == 0 {
		t.Error("a forgery with the right marker was not read, so this test proves nothing")
	}
	if parts := strings.Split(filepath.Base(name), "-"); parts[2] != hex.EncodeToString(frame[:8])+".seg" {
		t.Errorf("marker in the name %s is not that of the file", filepath.Base(name))
	}
}
