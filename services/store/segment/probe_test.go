package segment

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// counted counts the bytes that are read of a block.
type counted struct {
	*bytes.Reader
	n int
}

func (c *counted) ReadAt(b []byte, off int64) (int, error) {
	c.n += len(b)
	return c.Reader.ReadAt(b, off)
}

// What a filter says of a value costs one line of it once the key was asked for,
// whether the directory is in the cache or not.
func TestProbesNeedNoDirectory(t *testing.T) {
	raw := new(Sealer).Seal(build(randomEvents(rand.New(rand.NewPCG(1, 1)), 2000)))
	src := &counted{Reader: bytes.NewReader(raw)}
	b, err := OpenBlock(src, 0, int64(len(raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := OpenBlock(bytes.NewReader(raw), 0, int64(len(raw)), NewCache(1<<26))
	if err != nil {
		t.Fatal(err)
	}
	var keys []event.Key
	if err := fresh.Keys(func(k event.Key) { keys = append(keys, k) }); err != nil || len(keys) <= maxProbes {
		t.Fatalf("%d keys: %v", len(keys), err)
	}
	for _, k := range append(keys, event.Intern("labels.absent")) {
		one := []event.Key{k}
		if b.Probed(one) {
			t.Errorf("%s: known before it was asked for", k)
		}
		for turn := range 3 {
			src.n = 0
			z, has, err := b.Zone(k)
			if err != nil {
				t.Fatal(err)
			}
			may, err := b.MayEqual(k, "nothing of it")
			if err != nil {
				t.Fatal(err)
			}
			if turn > 0 && src.n > lineBytes {
				t.Errorf("%s: %d bytes are read", k, src.n)
			}
			wantZ, wantHas, _ := fresh.Zone(k)
			wantMay, _ := fresh.MayEqual(k, "nothing of it")
			if z != wantZ || has != wantHas || may != wantMay {
				t.Errorf("%s: got %v %v %v, want %v %v %v", k, z, has, may, wantZ, wantHas, wantMay)
			}
		}
		if !b.Probed(one) {
			t.Errorf("%s: not known after it was asked for", k)
		}
	}
	if n := len(*b.probes.list.Load()); n != maxProbes {
		t.Errorf("%d probes, most is %d", n, maxProbes)
	}
}

// Of directories that do not all fit, most are still there when all are asked for
// in turn once more.
func TestDirectoriesInTurn(t *testing.T) {
	const all, most, turns = 110, 100, 30
	cache := NewCache(most * (1 + cachedBytes))
	hits := 0
	for turn := range turns {
		for i := range uint64(all) {
			key := cacheKey{i, columnDirectory, 0}
			if _, ok := cache.get(key); ok {
				hits++
				continue
			}
			cache.put(key, fmt.Sprint(turn), 1)
		}
	}
	if cache.directories.size > cache.directories.max {
		t.Errorf("%d bytes, most is %d", cache.directories.size, cache.directories.max)
	}
	if hits < all*turns/2 {
		t.Errorf("%d of %d were there", hits, all*turns)
	}
}
