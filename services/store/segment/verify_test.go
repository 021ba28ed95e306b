package segment

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestVerifyPlacesEveryFlippedBit flips bits all over a segment: each is found,
// in the block and the column that it lies in.
func TestVerifyPlacesEveryFlippedBit(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var s Sealer
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b := NewBuilder()
		for i, e := range randomEvents(r, 80) {
			b.AddAt(&e, uint64(i))
		}
		if err := w.AddBlock(openSealed(t, s.Seal(b))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(Info{First: 0, Next: 80, Stream: "s", Parts: 1}); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	verify := func(raw []byte) (faults []Fault, blocks int) {
		blocks = Verify(bytes.NewReader(raw), int64(len(raw)), func(f Fault) { faults = append(faults, f) })
		return faults, blocks
	}
	if faults, blocks := verify(whole); len(faults) > 0 || blocks != 3 {
		t.Fatalf("a whole segment of %d blocks has faults %v", blocks, faults)
	}
	place := placesOf(t, whole)
	n := 0
	for at := 0; at < len(whole); at += 1 + len(whole)/3000 {
		raw := bytes.Clone(whole)
		raw[at] ^= 1 << r.IntN(8)
		faults, _ := verify(raw)
		want := place(int64(at))
		found := false
		for _, f := range faults {
			found = found || f.Block == want.Block && f.Column == want.Column
		}
		if !found {
			t.Fatalf("byte %d, of block %d, column %q: faults %v", at, want.Block, want.Column, faults)
		}
		n++
	}
	if n < 1000 {
		t.Errorf("only %d bits were flipped", n)
	}
	for _, cut := range []int{0, 10, fileHeader, len(whole) / 2, len(whole) - 1} {
		if faults, _ := verify(whole[:cut]); len(faults) == 0 {
			t.Errorf("a segment cut at %d has no faults", cut)
		}
	}
}

// placesOf returns a function that tells what a byte of a segment is part of.
func placesOf(t *testing.T, raw []byte) func(at int64) Fault {
	t.Helper()
	src := bytes.NewReader(raw)
	_, spans, _, err := parseFooter(src, int64(len(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(at int64) Fault {
		for i, s := range spans {
			if at < s.off || at >= s.off+s.length {
				continue
			}
			b, err := OpenBlock(src, s.off, s.length, nil)
			if err != nil {
				t.Fatal(err)
			}
			d, err := b.directory()
			if err != nil {
				t.Fatal(err)
			}
			for j := range d.cols {
				c := &d.cols[j]
				in := func(off, n int) bool { return at-s.off >= int64(off) && at-s.off < int64(off+n) }
				if in(c.off, c.len) || in(c.bloomOff, c.bloomLen) {
					name := c.name
					if c.role == roleRest {
						name = "flattened fields"
					}
					return Fault{Block: i, Column: name}
				}
			}
			return Fault{Block: i}
		}
		return Fault{Block: -1}
	}
}
