package segment

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestIntegersComeBack encodes integers of every width, order and step.
func TestIntegersComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	var e encoder
	for i := range 3000 {
		v := make([]uint64, 1+r.IntN(200))
		step := []uint64{1, 1e3, 1e6, 1e9}[r.IntN(4)]
		at := r.Uint64() >> r.IntN(64)
		for k := range v {
			x := (r.Uint64() >> (i % 64)) * step
			if v[k] = at + x; r.IntN(4) > 0 {
				at += step * uint64(r.IntN(9))
			}
		}
		in := reader{b: e.appendInts(nil, v)}
		if got := in.ints(len(v)); in.bad || len(in.b) > 0 || !slices.Equal(got, v) {
			t.Fatalf("round %d: %d integers came back as %d", i, v, got)
		}
		in = reader{b: e.appendInts(nil, v)}
		c := &Column{n: len(v)}
		in.intColumn(c)
		for k := range v {
			if c.num(k) != v[k] {
				t.Fatalf("round %d: number %d is %d, want %d", i, k, c.num(k), v[k])
			}
		}
	}
}

func TestBloomOfEqualHashes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	hashes := make([]uint64, 8000)
	for i := range hashes {
		hashes[i] = Hash([]byte{byte(r.IntN(50)), byte(r.IntN(10))})
	}
	f := appendBloom(nil, hashes)
	if len(f) > 14*lineBytes {
		t.Fatalf("the filter of 500 values has %d bytes", len(f))
	}
	for _, h := range hashes {
		if ok, err := mayHold(bytes.NewReader(f), 0, len(f), h); err != nil || !ok {
			t.Fatalf("hash %x is denied: %v", h, err)
		}
	}
}

// TestDecimalsComeBack encodes floats with few decimals, and some that have more
// or are no numbers.
func TestDecimalsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 9))
	var e encoder
	kept := 0
	for i := range 2000 {
		v := make([]uint64, 1+r.IntN(100))
		for k := range v {
			f := float64(r.IntN(1e6)-5e5) / math.Pow10(i%12)
			if r.IntN(2000) == 0 {
				f = []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1), r.NormFloat64(), 1e300}[r.IntN(5)]
			}
			v[k] = math.Float64bits(f)
		}
		b, ok := e.appendDecimals(nil, v)
		if !ok {
			continue
		}
		kept++
		in := reader{b: b}
		if got := in.decimals(len(v)); in.bad || len(in.b) > 0 || !slices.Equal(got, v) {
			t.Fatalf("round %d: %x came back as %x", i, v, got)
		}
	}
	if kept < 1000 {
		t.Fatalf("only %d of 2000 columns were kept as decimals", kept)
	}
}

// TestRangesOfIDs asks blocks with ids of one epoch and of several for ids they
// have, and one for those it has not.
func TestRangesOfIDs(t *testing.T) {
	for epochs := 1; epochs < 3; epochs++ {
		events := make([]event.Event, 300)
		for i := range events {
			events[i].ID = fmt.Sprintf("%032x-%d", 0xab+i%epochs, 1000+7*i)
		}
		b := openSealed(t, new(Sealer).Seal(build(events)))
		f := func(id string, want bool) {
			t.Helper()
			if ok, err := b.MayEqual(event.EventID, id); err != nil || ok != want && (want || epochs == 1) {
				t.Fatalf("%s in %d epochs: %t, %v", id, epochs, ok, err)
			}
		}
		for i := range events {
			f(events[i].ID, true)
		}
		f(fmt.Sprintf("%032x-999", 0xab), false)
		f(fmt.Sprintf("%032x-9000", 0xab), false)
		f(fmt.Sprintf("%032x-1700", 0xaf), false)
		f("1700", false)
		if c := column(t, b, "event.id"); (c.FilterBytes == 0) != (epochs == 1) {
			t.Fatalf("the filter of %d epochs has %d bytes", epochs, c.FilterBytes)
		}
	}
}
