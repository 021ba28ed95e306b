package segment

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

func TestTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 8))
	events := make([]event.Event, 500)
	for i := range events {
		e := &events[i]
		a := netip.AddrFrom4([4]byte{10, 1, byte(r.IntN(200)), byte(r.IntN(200))})
		e.AddAddr(event.SourceIP, a)
		e.AddAddr(event.ClientIP, a)
		e.AddList(event.Intern("related.ip"), event.IP(a)) // as elements of a list
		site := fmt.Sprintf("site-%d.example.com", r.IntN(30))
		e.AddText(event.Intern("site"), site)
		e.AddText(event.URLDomain, site)
		if i == 400 {
			site = "another.example.com"
		}
		e.AddText(event.HostName, site)
		e.AddText(event.Message, fmt.Sprintf("seen %s at the gate of %s today", a, site))
	}
	b := openSealed(t, new(Sealer).Seal(build(events)))
	sameEvents(t, b, events)
	twins := map[string]bool{}
	all, err := b.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Encoding == "twin" {
			twins[c.Name] = true
		}
	}
	if !twins["client.ip"] || !twins["related.ip"] || !twins["url.domain"] || len(twins) != 3 {
		t.Fatalf("twins: %v", twins)
	}
	for _, k := range []event.Key{event.ClientIP, event.URLDomain} {
		for i := range events {
			ok, err := b.MayEqual(k, string(query.AppendToken(nil, events[i].Get(k))))
			if err != nil || !ok {
				t.Fatalf("filter of %s denies a value: %v", k, err)
			}
		}
	}
}

// TestTwinOfItself wants a column that refers to itself, or to one of another
// kind, to be damage.
func TestTwinOfItself(t *testing.T) {
	c := &Column{rows: 3, n: 3, tag: byte(event.KindInt), text: &twin{1}}
	d := &directory{cols: []entry{{enc: encText}, {enc: encTwin}}}
	var b Block
	if err := b.join(d, 1, c); !IsDamaged(err) {
		t.Errorf("a column of itself: %v", err)
	}
	c.text = &twin{0}
	if err := b.join(d, 1, c); !IsDamaged(err) {
		t.Errorf("a column of text in pages: %v", err)
	}
}
