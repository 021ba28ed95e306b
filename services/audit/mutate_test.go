package audit

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

var (
	mutations = flag.Int("mutations", 200, "how often each kind of change is made to a log, and to segments")
	seed      = flag.Uint64("seed", rand.Uint64(), "what the places of changes follow from")
)

// times is how often a change of a kind is made.
func times() int {
	if testing.Short() {
		return min(*mutations, 20)
	}
	return *mutations
}

func random(t *testing.T) *rand.Rand {
	t.Helper()
	t.Logf("-seed %d", *seed)
	return rand.New(rand.NewPCG(*seed, 0))
}

// content is a log of one finished bundle and a tail, taken apart.
type content struct {
	bundle [][]byte
	tail   []batch
}

// batchesOf makes a log of a finished bundle and of batches of several sizes, and
// takes it apart.
func batchesOf(t *testing.T, dir string, rnd *rand.Rand) content {
	t.Helper()
	l := open(t, dir)
	for n := 0; n < width+60; {
		var all []*request
		for range 1 + rnd.IntN(9) {
			leaf := Leaf{Time: began, Actor: Server, Act: ActAlert, Object: fmt.Sprint(n)}
			text, err := leaf.encode()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, &request{leaf: text, done: make(chan struct{})})
			n++
		}
		for len(all) > 0 {
			did := l.turn(all)
			for _, r := range all[:did] {
				if r.err != nil {
					t.Fatal(r.err)
				}
			}
			all = all[did:]
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return takeApart(t, dir)
}

func takeApart(t *testing.T, dir string) content {
	t.Helper()
	var c content
	b, err := os.ReadFile(filepath.Join(dir, numbered(entriesDir, 0)))
	for err == nil && len(b) > 0 {
		var leaf []byte
		leaf, b, err = nextEntry(b)
		c.bundle = append(c.bundle, leaf)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.tail = takeTail(t, dir)
	return c
}

// takeTail returns the batches of a tail.
func takeTail(t *testing.T, dir string) (all []batch) {
	t.Helper()
	b, err := readTail(dir)
	for at := tailHead; err == nil && at < len(b); {
		var x batch
		x, err = nextBatch(b, at)
		all, at = append(all, x), x.end
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// all returns the leaves in order.
func (c content) all() [][]byte {
	all := slices.Clone(c.bundle)
	for _, x := range c.tail {
		all = append(all, x.leaves...)
	}
	return all
}

// span returns the first leaf of the bundle or batch that holds a leaf, and the
// one behind its last.
func (c content) span(leaf int) (from, to int) {
	from, to = 0, len(c.bundle)
	for _, x := range c.tail {
		if leaf < to {
			break
		}
		from, to = to, to+len(x.leaves)
	}
	return from, to
}

// write writes leaves in the place of the content: as many in the bundle and in
// each batch as before, what is over in the last. Who is careful makes all hashes
// and checksums fit; the signatures nobody can make.
func (c content) write(t *testing.T, dir string, all [][]byte, careful bool) {
	t.Helper()
	take := func(n int) [][]byte {
		n = min(n, len(all))
		part := all[:n]
		all = all[n:]
		return part
	}
	bundle := take(len(c.bundle))
	var entries []byte
	var hashes []tlog.Hash
	for _, leaf := range bundle {
		entries = appendEntry(entries, leaf)
	}
	if !careful {
		bundle = c.bundle // the tile stays as it was
	}
	for _, leaf := range bundle {
		hashes = append(hashes, tlog.RecordHash(leaf))
	}
	put := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(numbered(entriesDir, 0), entries)
	put(numbered(tileDir(0), 0), appendHashes(nil, hashes))
	tail := newTail(width)
	for i, x := range c.tail {
		part := take(len(x.leaves))
		if i == len(c.tail)-1 {
			part = append(slices.Clone(part), all...)
		}
		if len(part) == 0 {
			break
		}
		hashes := x.hashes
		if careful {
			hashes = nil
			for _, leaf := range part {
				hashes = append(hashes, tlog.RecordHash(leaf))
			}
		}
		for len(hashes) < len(part) { // who is careless adds any
			hashes = append(hashes, tlog.Hash{})
		}
		tail = appendBatch(tail, part, hashes[:len(part)], x.signed)
	}
	put(tailFile, tail)
}

// changes are what is done to a log: they return the leaves afterwards and the
// first place at which they differ.
var changes = map[string]func(rnd *rand.Rand, all [][]byte) ([][]byte, int){
	"edit": func(rnd *rand.Rand, all [][]byte) ([][]byte, int) {
		i := rnd.IntN(len(all))
		all[i] = slices.Clone(all[i])
		all[i][rnd.IntN(len(all[i]))] ^= 1 << rnd.IntN(8)
		return all, i
	},
	"delete": func(rnd *rand.Rand, all [][]byte) ([][]byte, int) {
		i := rnd.IntN(len(all))
		return slices.Delete(all, i, i+1), i
	},
	"insert": func(rnd *rand.Rand, all [][]byte) ([][]byte, int) {
		i := rnd.IntN(len(all) + 1)
		return slices.Insert(all, i, []byte(`{"act":"forged"}`)), i
	},
	"swap": func(rnd *rand.Rand, all [][]byte) ([][]byte, int) {
		i := rnd.IntN(len(all) - 1)
		j := i + 1 + rnd.IntN(len(all)-i-1)
		all[i], all[j] = all[j], all[i]
		return all, i
	},
	"truncate": func(rnd *rand.Rand, all [][]byte) ([][]byte, int) {
		i := rnd.IntN(len(all))
		return all[:i], i
	},
}

// TestChangesOfLeaves: each change of a leaf is found, and placed: in the batch
// or bundle that it is in by any means, and exactly where hashes were not made to
// fit.
func TestChangesOfLeaves(t *testing.T) {
	rnd := random(t)
	dir := filepath.Join(t.TempDir(), Dir)
	c := batchesOf(t, dir, rnd)
	if got := leaves(t, dir); len(got) != len(c.all()) {
		t.Fatalf("%d leaves, %d taken apart", len(got), len(c.all()))
	}
	for kind, change := range changes {
		exact := 0
		for n := range times() {
			careful := n%2 == 0
			all, at := change(rnd, c.all())
			c.write(t, dir, all, careful)
			_, err := Verify(dir, "", nil, nil)
			var broken *Broken
			if !errors.As(err, &broken) {
				t.Fatalf("%s of leaf %d, careful %v: %v", kind, at, careful, err)
			}
			from, to := c.span(at)
			if p := int(broken.Position); p < from || p > at && p >= to {
				t.Fatalf("%s of leaf %d, careful %v, is placed at %d: %s", kind, at, careful, p, broken.Reason)
			}
			if broken.Position == int64(at) {
				exact++
			}
			if _, err := Open(dir, clock); at >= width && kind != "edit" && !errors.Is(err, ErrDamaged) {
				t.Fatalf("%s of leaf %d: the log goes on: %v", kind, at, err)
			}
		}
		t.Logf("%s: %d found, %d of them placed exactly", kind, times(), exact)
		if exact < times()/8 {
			t.Errorf("%s: only %d of %d placed exactly", kind, exact, times())
		}
	}
	c.write(t, dir, c.all(), true)
	if _, err := Verify(dir, "", nil, nil); err != nil {
		t.Errorf("the log as it was: %v", err)
	}
}

// TestChangesOfFiles: each byte of each file counts, and each file.
func TestChangesOfFiles(t *testing.T) {
	rnd := random(t)
	dir := filepath.Join(t.TempDir(), Dir)
	batchesOf(t, dir, rnd)
	names := []string{checkpointFile, tailFile, numbered(entriesDir, 0), numbered(tileDir(0), 0), numbered(signedDir, 0)}
	for range times() {
		path := filepath.Join(dir, names[rnd.IntN(len(names))])
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		now := slices.Clone(was)
		what := rnd.IntN(4)
		switch what {
		case 0:
			now[rnd.IntN(len(now))] ^= 1 << rnd.IntN(8)
		case 1:
			now = now[:rnd.IntN(len(now))]
		case 2:
			now = append(now, now[rnd.IntN(len(now)):]...)
		case 3:
			err = os.Remove(path)
		}
		if what < 3 {
			err = os.WriteFile(path, now, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		checked, err := Verify(dir, "", nil, nil)
		if err == nil && checked.Unfinished == 0 {
			t.Errorf("change %d of %s is not found", what, filepath.Base(path))
		}
		if err := os.WriteFile(path, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Verify(dir, "", nil, nil); err != nil {
		t.Errorf("the log as it was: %v", err)
	}
}

// TestForgedBatch: leaves behind the end are no part of the log without the key,
// whatever their checksums are, and are not signed when the log is opened.
func TestForgedBatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Dir)
	fill(t, open(t, dir), 3)
	was, err := readTail(dir)
	if err != nil {
		t.Fatal(err)
	}
	leaf := []byte(`{"act":"forged"}`)
	x, err := nextBatch(was, tailHead)
	if err != nil {
		t.Fatal(err)
	}
	forged := appendBatch(slices.Clone(was), [][]byte{leaf}, []tlog.Hash{tlog.RecordHash(leaf)}, x.signed)
	body := forged[len(was)+batchHead:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(forged[len(was)+4:]) {
		t.Fatal("the forgery has a wrong checksum")
	}
	if err := os.WriteFile(filepath.Join(dir, tailFile), forged, 0o600); err != nil {
		t.Fatal(err)
	}
	var broken *Broken
	if _, err := Verify(dir, "", nil, nil); !errors.As(err, &broken) || broken.Position != 3 {
		t.Errorf("verify: %v", err)
	}
	if _, err := Open(dir, clock); !errors.Is(err, ErrDamaged) {
		t.Errorf("open: %v", err)
	}
}
