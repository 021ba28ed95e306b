package waf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/gatewatch/gatewatch/services/kept"
)

// waiting is an empty queue whose coin is seeded, and what it dropped, by reason.
func waiting(seed uint64) (*drafts, map[string]int) {
	dropped := map[string]int{}
	q := newDrafts(func(_, reason string) { dropped[reason]++ })
	rng := rand.New(rand.NewPCG(seed, 1))
	q.coin = func() bool { return rng.Uint64()&1 == 0 }
	return &q, dropped
}

var shop, blog = &site{name: "shop"}, &site{name: "blog"}

func draftOf(s *site, why string, client byte) draft {
	d := testDraft(s)
	d.copy.Why, d.client = why, netip.AddrFrom4([4]byte{203, 0, 113, client})
	return d
}

// held counts drafts by site, reason and client.
func (q *drafts) held() map[string]int {
	all := map[string]int{}
	for d, ok := q.next(); ok; d, ok = q.next() {
		all[fmt.Sprint(d.site.name, " ", d.copy.Why, " ", d.client.As4()[3])]++
	}
	return all
}

// TestFloodTakesNoPlaceOfOthers has one client send more than there is room for,
// before and after everybody else.
func TestFloodTakesNoPlaceOfOthers(t *testing.T) {
	q, dropped := waiting(1)
	flood := func() {
		for range 2 * maxDrafts {
			if q.mayPut("shop", kept.Blocked, netip.AddrFrom4([4]byte{203, 0, 113, 66})) {
				q.put(draftOf(shop, kept.Blocked, 66))
			}
		}
	}
	other := 7
	for q.place(q.lane("shop", kept.Blocked), draftOf(shop, "", byte(other)).client) == q.place(q.lane("shop", kept.Blocked), draftOf(shop, "", 66).client) {
		other++ // the seed put the two together
	}
	flood()
	if q.count != maxDrafts || q.mayPut("shop", kept.Blocked, draftOf(shop, "", 66).client) || q.put(draftOf(shop, kept.Blocked, 66)) != 0 {
		t.Errorf("%d drafts: there is no bound", q.count)
	}
	for range 50 {
		for _, d := range []draft{
			draftOf(shop, kept.Blocked, byte(other)), draftOf(shop, kept.Suspect, 66), draftOf(shop, kept.Sampled, 66),
			draftOf(blog, kept.Blocked, 66), draftOf(blog, kept.Sampled, 8),
		} {
			if !q.mayPut(d.site.name, d.copy.Why, d.client) || q.put(d) != 1 {
				t.Fatalf("a flood leaves no room for %s %s of %s", d.site.name, d.copy.Why, d.client)
			}
		}
	}
	flood()
	got := q.held()
	for _, name := range []string{
		fmt.Sprint("shop blocked ", other), "shop suspect 66", "shop sample 66", "blog blocked 66", "blog sample 8",
	} {
		if got[name] != 50 {
			t.Errorf("%s: %d of 50 are left", name, got[name])
		}
	}
	if got["shop blocked 66"] != maxDrafts-250 || dropped[dropThinned] != 0 || dropped[dropBehind] == 0 || q.count != 0 || q.bytes != 0 {
		t.Errorf("%v held, %v dropped, %d left", got, dropped, q.count)
	}
}

// TestDraftsTakeTurns takes what waits out by turns of reasons and clients.
func TestDraftsTakeTurns(t *testing.T) {
	q, _ := waiting(1)
	for range 500 {
		q.put(draftOf(shop, kept.Blocked, 66))
	}
	q.put(draftOf(shop, kept.Suspect, 1))
	q.put(draftOf(shop, kept.Sampled, 2))
	q.put(draftOf(blog, kept.Blocked, 3))
	seen := map[string]bool{}
	for range 4 {
		d, _ := q.next()
		seen[d.site.name+" "+d.copy.Why] = true
	}
	if len(seen) != 4 {
		t.Errorf("one turn has %v", seen)
	}
}

// TestSampleStaysOne draws far more than there is room for: each is kept with the
// probability that its copy states.
func TestSampleStaysOne(t *testing.T) {
	q, dropped := waiting(3)
	const all = 100_000
	total, copies := 0.0, 0
	take := func() bool {
		d, ok := q.next()
		if ok {
			total += 1 / d.copy.Probability
			copies++
		}
		return ok
	}
	for i := range all {
		d := draftOf(shop, kept.Sampled, byte(i))
		d.copy.Probability = 0.25
		q.put(d)
		if i%50 == 0 {
			take()
		}
		if q.count > maxDrafts {
			t.Fatal("there is no bound")
		}
	}
	for take() {
	}
	if math.Abs(total/all*0.25-1) > 0.05 {
		t.Errorf("%d copies stand for %.0f requests, want %d", copies, total, all*4)
	}
	if dropped[dropBehind] != 0 || copies+dropped[dropThinned] != all {
		t.Errorf("%d copies, dropped %v", copies, dropped)
	}
	if p := q.put(draftOf(shop, kept.Sampled, 1)); p != 1 {
		t.Errorf("with room again the probability is %v", p)
	}
}

func TestDraftBytesAreBounded(t *testing.T) {
	q, dropped := waiting(1)
	large := func(s *site, why string, client byte) draft {
		d := draftOf(s, why, client)
		d.copy.Request.Body = make([]byte, 1<<20)
		return d
	}
	for i := range 200 {
		q.put(large(shop, kept.Blocked, byte(i%3)))
		q.put(large(shop, kept.Sampled, byte(i)))
		if q.bytes > maxDraftBytes+2<<20 {
			t.Fatalf("%d bytes wait", q.bytes)
		}
	}
	if q.put(draftOf(blog, kept.Blocked, 9)) != 1 {
		t.Error("large drafts leave no room for another site")
	}
	if dropped[dropBehind] == 0 || dropped[dropThinned] == 0 {
		t.Errorf("dropped %v", dropped)
	}
}

func BenchmarkDraftsInAFlood(b *testing.B) {
	q, _ := waiting(1)
	for i := 0; b.Loop(); i++ {
		d := draftOf(shop, kept.Blocked, byte(i))
		if q.mayPut("shop", kept.Blocked, d.client) {
			q.put(d)
		}
	}
}
