package query

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/gatewatch/gatewatch/detection/event"
)

func TestSum(t *testing.T) {
	f := func(values []event.Value, want event.Value) {
		t.Helper()
		var all, left, right sum
		for i, v := range values {
			all.add(v, 1)
			if i%2 == 0 {
				left.add(v, 1)
			} else {
				right.add(v, 1)
			}
		}
		left.merge(&right)
		if got := all.value(); !got.Equal(want) {
			t.Errorf("%v: got %v, want %v", values, got, want)
		}
		if got := left.value(); !got.Equal(want) {
			t.Errorf("%v merged: got %v, want %v", values, got, want)
		}
	}
	f(nil, event.Value{})
	f([]event.Value{event.Int(1), event.String("2"), event.String("x"), event.Int(-5)}, event.Int(-2))
	f([]event.Value{event.Int(math.MaxInt64), event.Int(math.MaxInt64), event.Int(-math.MaxInt64)}, event.Int(math.MaxInt64))
	f([]event.Value{event.Int(math.MaxInt64), event.Int(1)}, event.Float(1<<63))
	f([]event.Value{event.Int(math.MinInt64), event.Int(-1), event.Int(1)}, event.Int(math.MinInt64))
	f([]event.Value{event.Float(1e100), event.Float(1), event.Float(-1e100), event.Float(1)}, event.Float(2))
	f([]event.Value{event.Int(1), event.Float(0.5)}, event.Float(1.5))

	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s sum
		want := new(big.Int)
		for range r.IntN(20) + 1 {
			v, n := r.Int64()-r.Int64(), r.Int64N(1<<40)+1
			s.add(event.Int(v), n)
			want.Add(want, new(big.Int).Mul(big.NewInt(v), big.NewInt(n)))
		}
		exact, _ := new(big.Float).SetInt(want).Float64()
		if got := s.value().Float(); math.Abs(got-exact) > math.Abs(exact)*1e-15 {
			t.Fatalf("got %v, want %v", got, exact)
		}
	}
}

func TestDistinct(t *testing.T) {
	f := func(n int, tolerance float64) {
		t.Helper()
		for seed := range 2 {
			var all distinct
			parts := make([]distinct, 3)
			var buf [16]byte
			for i := range n {
				for range 1 + i%2 { // some of them twice
					id := appendIdentity(buf[:0], event.Int(int64(i+seed*n)))
					all.add(xxhash.Sum64(id))
					parts[i%3].add(xxhash.Sum64(id))
				}
			}
			parts[2].merge(&parts[0])
			parts[1].merge(&parts[2])
			for _, got := range []int64{all.count(), parts[1].count()} {
				if e := math.Abs(float64(got)/float64(max(n, 1)) - 1); e > tolerance && n > 0 || n == 0 && got != 0 {
					t.Errorf("%d of %d, off by %.2f %%", got, n, 100*e)
				}
			}
			if all.count() != parts[1].count() {
				t.Errorf("merging changes %d to %d", all.count(), parts[1].count())
			}
		}
	}
	f(0, 0)
	f(1, 0)
	f(1000, 0)
	f(40_000, 0)
	f(40_001, 0.02)
	f(60_000, 0.02)
	f(150_000, 0.02)
	f(300_000, 0.02)
	f(400_000, 0.02)
	var d distinct
	d.add(0)
	d.add(0)
	if d.count() != 1 {
		t.Errorf("the hash 0 counts %d", d.count())
	}
}

// What a group takes is counted as it is held: little more than its hashes while
// they are exact, and the registers alone beyond.
func TestDistinctMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 9))
	var d distinct
	held := int64(8 * firstPlaces)
	for n := 1; n <= exactDistinct; n++ {
		held += d.add(r.Uint64())
		most := 12 * n
		if len(d.table) < 3*largePlaces/2 {
			most = 14 * n
		}
		if n > 1000 && held > int64(most) {
			t.Fatalf("%d bytes for %d values", held, n)
		}
		if want := int64(8 * len(d.table)); held != want {
			t.Fatalf("%d bytes are counted, %d held", held, want)
		}
	}
	if held += d.add(r.Uint64()); held != registers || d.ranks == nil {
		t.Errorf("%d bytes are counted for the registers", held)
	}
	b := NewBudget(1<<20, 0)
	for _, n := range []int64{1 << 20, -1 << 19, 1 << 19} {
		if err := b.take(n); err != nil {
			t.Errorf("take %d: %v", n, err)
		}
	}
	if b.take(1) == nil || b.Used() != 1<<20+1 {
		t.Errorf("%d bytes are held", b.Used())
	}
}

func TestDigest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	f := func(name string, n int, next func(i int) float64) {
		t.Helper()
		var all digest
		parts := make([]digest, 4)
		values := make([]float64, n)
		for i := range values {
			values[i] = next(i)
			all.add(values[i], 1)
			parts[i*4/n].add(values[i], 1)
		}
		for i := 1; i < 4; i++ {
			parts[0].merge(&parts[i])
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1} {
			for i, d := range []*digest{&all, &parts[0]} {
				got, _ := d.quantile(q)
				low, _ := slices.BinarySearch(values, got)
				high, _ := slices.BinarySearchFunc(values, got, func(v, x float64) int {
					if v <= x {
						return -1
					}
					return 1
				})
				want := q * float64(n-1)
				if off := max(float64(low)-1-want, want-float64(high), 0) / float64(n); off > 0.01 {
					t.Errorf("%s, %d, %d: quantile %v is %v, off by %.2f %% of rank", name, n, i, q, got, 100*off)
				}
			}
		}
		if size := len(all.clusters); size > digestBuffer {
			t.Errorf("%s: %d clusters", name, size)
		}
	}
	for _, n := range []int{1, 5, 1000, 3000, 50_000} {
		f("uniform", n, func(int) float64 { return r.Float64() })
		f("rising", n, func(i int) float64 { return float64(i) })
		f("falling", n, func(i int) float64 { return float64(-i) })
		f("from both ends", n, func(i int) float64 { return float64(i) * (float64(i%2)*2 - 1) })
		f("steep", n, func(int) float64 { return math.Exp(30 * r.NormFloat64()) })
		f("few", n, func(int) float64 { return float64(r.IntN(7)) })
		f("mostly one", n, func(i int) float64 { return float64(max(0, i%100-95)) })
		f("bits reversed", n, func(i int) float64 { return float64(reverse(uint32(i))) })
	}
	var d digest
	if _, ok := d.quantile(0.5); ok {
		t.Error("an empty digest has a quantile")
	}
	d.add(1, 3)
	d.add(5, 1)
	for q, want := range map[float64]float64{0: 1, 0.5: 1, 2.0 / 3: 1, 5.0 / 6: 3, 1: 5} {
		if got, _ := d.quantile(q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v of 1 1 1 5: %v, want %v", q, got, want)
		}
	}
}

func reverse(n uint32) (r uint32) {
	for range 32 {
		r, n = r<<1|n&1, n>>1
	}
	return r
}
