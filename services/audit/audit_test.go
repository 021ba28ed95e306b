package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
)

var began = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return began }

func open(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

// fill appends n leaves, one after the other.
func fill(t *testing.T, l *Log, n int) {
	t.Helper()
	for range n {
		if _, err := l.Append(t.Context(), Leaf{Actor: Server, Act: ActAlert, Object: "o", Detail: map[string]string{"b": "<2>", "a": "1"}}); err != nil {
			t.Fatal(err)
		}
	}
}

// leaves verifies a log and returns what it holds.
func leaves(t *testing.T, dir string) []Leaf {
	t.Helper()
	var all []Leaf
	checked, err := Verify(dir, "", nil, func(i int64, l Leaf) error {
		if i != int64(len(all)) {
			t.Errorf("leaf %d comes after %d others", i, len(all))
		}
		all = append(all, l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked.Leaves != int64(len(all)) {
		t.Errorf("%d leaves, %d were shown", checked.Leaves, len(all))
	}
	return all
}

func TestLeaf(t *testing.T) {
	l := Leaf{Time: began.Add(5), Actor: `administrator "ann"`, Act: ActToken, Object: "t-1\x1b[31m", Detail: map[string]string{"z": "\u2028", "a": "é\xff"}, Hash: "00"}
	b, err := l.encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"act":"token.create","actor":"administrator \"ann\"","detail":{"a":"é` + "\ufffd" + `","z":"\u2028"},"hash":"00","object":"t-1\u001b[31m","time":"2026-01-31T12:00:00.000000005Z"}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
	got, err := parseLeaf(b)
	l.Detail["a"] = "é\ufffd"
	if diff := cmp.Diff(l, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	l.Object = strings.Repeat("x", maxLeaf)
	if _, err := l.encode(); !errors.Is(err, ErrLeaf) {
		t.Errorf("a leaf that is too large: %v", err)
	}
}

// TestTree compares the tree with that of package tlog at every size.
func TestTree(t *testing.T) {
	var ours tree
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = hashes[x]
		}
		return out, nil
	})
	for n := range int64(width*width + 2*width + 3) {
		record := fmt.Append(nil, n)
		more, err := tlog.StoredHashes(n, record, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, more...)
		full := ours.add(tlog.RecordHash(record))
		if n < 2*width+2 && n%17 == 0 || n%5000 == 0 || n > width*width-2 {
			want, err := tlog.TreeHash(n+1, reader)
			if err != nil {
				t.Fatal(err)
			}
			if ours.root() != want {
				t.Fatalf("root of %d leaves differs", n+1)
			}
		}
		for _, f := range full {
			want, err := tlog.ReadTileData(tlog.Tile{H: 8, L: f.level, N: f.index, W: width}, reader)
			if err != nil || string(want) != string(appendHashes(nil, f.hashes)) {
				t.Fatalf("tile %d of level %d differs; %v", f.index, f.level, err)
			}
		}
	}
	if (&tree{}).root().String() != "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" {
		t.Error("root of the empty tree")
	}
}

func TestNumbered(t *testing.T) {
	f := func(n int64, want string) {
		t.Helper()
		if got := filepath.ToSlash(numbered(entriesDir, n)); got != "tile/entries/"+want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	f(0, "000")
	f(999, "999")
	f(1000, "x001/000")
	f(1234067, "x001/x234/067")
}

// TestAppend writes over the ends of bundles, with a new start now and then.
func TestAppend(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Dir)
	const most = 2*width + 5
	for n := 0; n < most; {
		l := open(t, dir)
		if l.Made() != (n == 0) {
			t.Errorf("made %v with %d leaves", l.Made(), n)
		}
		for range 97 {
			i, err := l.Append(t.Context(), Leaf{Actor: "ann", Act: ActToken, Object: fmt.Sprint(n)})
			if err != nil || i != int64(n) {
				t.Fatalf("index %d, want %d; %v", i, n, err)
			}
			n++
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), Leaf{}); !errors.Is(err, ErrClosed) {
			t.Errorf("append after close: %v", err)
		}
		for i, leaf := range leaves(t, dir) {
			if leaf.Object != fmt.Sprint(i) || !leaf.Time.Equal(began) {
				t.Errorf("leaf %d is %+v", i, leaf)
			}
		}
	}
}

// TestTogether: several writers, also through several opened logs as of several
// processes, get indexes of their own, and share batches.
func TestTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Dir)
	logs := []*Log{open(t, dir), open(t, dir)}
	const writers, each = 16, 40
	var mu sync.Mutex
	acked := map[int64]string{}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				object := fmt.Sprint(w, "-", i)
				at, err := logs[w%2].Append(t.Context(), Leaf{Actor: Server, Act: ActSource, Object: object})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[at] = object
				mu.Unlock()
			}
		})
	}
	all.Wait()
	got := leaves(t, dir)
	if len(got) != writers*each || len(acked) != writers*each {
		t.Fatalf("%d leaves, %d indexes", len(got), len(acked))
	}
	for i, l := range got {
		if acked[int64(i)] != l.Object {
			t.Errorf("leaf %d is %s, acknowledged was %s", i, l.Object, acked[int64(i)])
		}
	}
}

func TestRefusedLeafIsNotThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Dir)
	l := open(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, Leaf{Act: ActToken}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := l.Append(t.Context(), Leaf{Object: strings.Repeat("x", maxLeaf)}); !errors.Is(err, ErrLeaf) {
		t.Error(err)
	}
	if got := leaves(t, dir); len(got) != 0 {
		t.Errorf("%d leaves", len(got))
	}
}

// TestKeys: the private key is its owner's, and another public key is not that of
// the log.
func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), Dir)
	l := open(t, dir)
	fill(t, l, 3)
	other := filepath.Join(t.TempDir(), Dir)
	fill(t, open(t, other), 3)
	var broken *Broken
	if _, err := Verify(dir, filepath.Join(other, publicFile), nil, nil); !errors.As(err, &broken) {
		t.Errorf("the key of another log: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, keyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, clock); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}

// TestSetAside: a damaged log takes no more leaves, and a new one can begin.
func TestSetAside(t *testing.T) {
	data := t.TempDir()
	dir := filepath.Join(data, Dir)
	l := open(t, dir)
	fill(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, checkpointFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, clock); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a log without its checkpoint: %v", err)
	}
	name, err := SetAside(dir, began)
	if err != nil {
		t.Fatal(err)
	}
	if l := open(t, dir); !l.Made() {
		t.Error("no new log")
	}
	if names, err := Aside(data); err != nil || !slices.Equal(names, []string{name}) {
		t.Error(names, err)
	}
}

func FuzzTail(f *testing.F) {
	dir := filepath.Join(f.TempDir(), Dir)
	l, err := Open(dir, clock)
	if err != nil {
		f.Fatal(err)
	}
	for range 3 {
		if _, err := l.Append(f.Context(), Leaf{Act: ActToken}); err != nil {
			f.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	b, err := readTail(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-7])
	f.Add(newTail(0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := tailFirst(b); err != nil {
			return
		}
		for at := tailHead; at < len(b); {
			x, err := nextBatch(b, at)
			if err != nil {
				return
			}
			if x.end <= at || len(x.leaves) != len(x.hashes) || len(x.leaves) == 0 {
				t.Fatalf("batch at %d ends at %d with %d leaves and %d hashes", at, x.end, len(x.leaves), len(x.hashes))
			}
			for _, text := range x.leaves {
				if leaf, err := parseLeaf(text); err == nil && !json.Valid(text) {
					t.Errorf("%q is %v", text, leaf)
				}
			}
			at = x.end
		}
	})
}
