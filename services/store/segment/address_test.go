package segment

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/parse"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// clients makes an event for each address.
func clients(addresses []string) []event.Event {
	events := make([]event.Event, len(addresses))
	for i, a := range addresses {
		events[i].Time = int64(i)
		events[i].AddAddr(event.ClientIP, netip.MustParseAddr(a))
	}
	return events
}

// TestAddressesOfBothFamilies wants a column of both with a filter and a range of
// its IPv4 addresses, whichever comes first and however they are encoded.
func TestAddressesOfBothFamilies(t *testing.T) {
	f := func(enc byte, address func(i int) string) {
		t.Helper()
		all := make([]string, 600)
		for i := range all {
			all[i] = address(i)
		}
		events := clients(all)
		var s Sealer
		block := openSealed(t, s.Seal(build(events)))
		sameEvents(t, block, events)
		d, err := block.directory()
		if err != nil {
			t.Fatal(err)
		}
		if c := &d.cols[d.find(event.ClientIP)]; c.enc != enc {
			t.Errorf("encoding is %d, want %d", c.enc, enc)
		}
		z, _, err := block.Zone(event.ClientIP)
		if err != nil || z != (Zone{Kind: event.KindIP, Lo: 10 << 24, Hi: 10<<24 | 598}) {
			t.Errorf("zone is %v, error %v", z, err)
		}
		for a, want := range map[string]bool{"10.0.0.0": true, all[1]: true, "10.0.255.1": false, "2001:db8::ffff": false} {
			token := query.AppendToken(nil, event.IP(netip.MustParseAddr(a)))
			if got, err := block.MayEqual(event.ClientIP, string(token)); got != want || err != nil {
				t.Errorf("block may have %s: %v, error %v", a, got, err)
			}
		}
	}
	v4 := func(i int) string { return fmt.Sprintf("10.0.%d.%d", i>>8, i&255) }
	v6 := func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }
	f(encIPs, func(i int) string { // IPv4 first
		if i%2 == 0 {
			return v4(i)
		}
		return v6(i)
	})
	f(encIPs, func(i int) string { // IPv6 first
		if i%3 == 0 {
			return v6(i)
		}
		return v4((i - 1) % 599 / 2 * 2)
	})
	f(encDict, func(i int) string {
		switch i % 3 {
		case 0:
			return v4(0)
		case 1:
			return v6(7)
		}
		return v4(598)
	})
}

// TestViewBeforeOtherFamily demands that a view is as it was when the column
// became one of both families after it.
func TestViewBeforeOtherFamily(t *testing.T) {
	events := clients([]string{"10.0.0.1", "10.0.0.2", "2001:db8::1", "10.0.0.3"})
	b := NewBuilder()
	var views []*View
	for i := range events {
		b.Add(&events[i])
		views = append(views, b.View())
	}
	for n, v := range views {
		c := v.column(event.ClientIP)
		var cur Cursor
		for i := range n + 1 {
			got, err := c.Value(i, &cur)
			if want := events[i].Get(event.ClientIP); err != nil || got.String() != want.String() {
				t.Errorf("entry %d of view %d is %v, error %v; want %v", i, n, got, err, want)
			}
		}
		if c.Uniform() != event.KindIP {
			t.Errorf("view %d has a column of several kinds", n)
		}
	}
}

// TestLinesWithAddressesOfBothFamilies wants lines rendered from such a column,
// whether the parser told where its values stand or not.
func TestLinesWithAddressesOfBothFamilies(t *testing.T) {
	format, _ := parse.Lookup("ecs")
	for _, told := range []bool{true, false} {
		events := make([]event.Event, 600)
		for i := range events {
			address := fmt.Sprintf("203.0.113.%d", i%250)
			if i%5 == 0 {
				address = fmt.Sprintf("2001:db8::%x", i+1)
			}
			line := fmt.Sprintf(`{"@timestamp":"2026-11-20T10:00:00Z","source.ip":%q,"url.path":"/p/%d","http.response.status_code":%d}`, address, i%7, 200+i%3)
			e := &events[i]
			if err := format.Read([]byte(line), &parse.Context{}, e); err != nil {
				t.Fatal(err)
			}
			if !told {
				bare := event.Event{Time: e.Time, Dataset: e.Dataset, Raw: e.Raw}
				bare.AddAddr(event.SourceIP, e.Get(event.SourceIP).Addr())
				bare.AddText(event.URLPath, e.Get(event.URLPath).Text())
				bare.AddInt(event.HTTPResponseStatusCode, e.Get(event.HTTPResponseStatusCode).Int())
				*e = bare
			}
		}
		var s Sealer
		block := openSealed(t, s.Seal(build(events)))
		sameEvents(t, block, events)
		d, err := block.directory()
		if err != nil {
			t.Fatal(err)
		}
		if c := &d.cols[d.find(event.EventOriginal)]; c.enc != encTemplate || c.len > 1200 {
			t.Errorf("lines told %v have encoding %d and take %d bytes", told, c.enc, c.len)
		}
	}
}

// TestDamagedAddresses demands that which entries are IPv4 goes with how many of
// them there are.
func TestDamagedAddresses(t *testing.T) {
	var e encoder
	c, _ := build(clients([]string{"10.0.0.1", "2001:db8::1", "10.0.0.2"})).column(event.ClientIP).settled(3)
	_, enc := e.encode(nil, c, encIPs, nil)
	if _, err := decode(enc.chunk, 3, 0); err != nil {
		t.Fatal(err)
	}
	set := appendStream(nil, []byte{0b101})
	at := bytes.Index(enc.chunk, set)
	if at < 0 {
		t.Fatal("no bitmap")
	}
	for bits := range byte(8) {
		if bits == 0b101 {
			continue
		}
		chunk := bytes.Clone(enc.chunk)
		copy(chunk[at:], appendStream(nil, []byte{bits}))
		_, err := decode(chunk, 3, 0)
		if two := bits == 0b011 || bits == 0b110; (err == nil) != two {
			t.Errorf("bitmap %03b: error %v", bits, err)
		}
	}
}
