package enrich

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/enrich/enrichtest"
)

// Addresses that are public; what is said of them is made up.
const (
	cityAddr    = "81.2.69.142"
	countryAddr = "81.2.200.7"
	cityAddr6   = "2a02:cf40::1"
	asOnlyAddr  = "5.5.5.5"
)

func cityFile() []byte {
	city := enrichtest.Record{
		"continent":    enrichtest.Record{"code": "EU"},
		"country":      enrichtest.Record{"iso_code": "GB", "names": enrichtest.Record{"en": "United Kingdom", "de": "Vereinigtes Königreich"}},
		"subdivisions": []any{enrichtest.Record{"iso_code": "ENG", "names": enrichtest.Record{"en": "England"}}, enrichtest.Record{"iso_code": "XX"}},
		"city":         enrichtest.Record{"names": enrichtest.Record{"en": "London"}},
		"postal":       enrichtest.Record{"code": "OX1"},
		"location":     enrichtest.Record{"latitude": 51.5, "longitude": -0.25, "time_zone": "Europe/London"},
	}
	return enrichtest.MMDB("Test-City", map[string]enrichtest.Record{
		cityAddr + "/24": city, cityAddr6 + "/32": city, "10.0.0.0/8": city, "203.0.113.0/24": city,
	})
}

func flatFile() []byte {
	return enrichtest.MMDB("test-flat", map[string]enrichtest.Record{
		"81.2.0.0/16": {"country_code": "FR"},
	})
}

func networkFile() []byte {
	return enrichtest.MMDB("test-asn", map[string]enrichtest.Record{
		"81.2.69.0/24": {"autonomous_system_number": 64496, "autonomous_system_organization": "Example Net"},
		"5.5.0.0/16":   {"asn": "AS64497", "as_name": "Other Net"},
	})
}

// testEnricher makes an enricher of files of a folder.
func testEnricher(t testing.TB, files map[string][]byte, order ...string) *Enricher {
	t.Helper()
	dir := t.TempDir()
	d := kept(t.TempDir())
	var list []File
	for _, name := range order {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, files[name], 0o600); err != nil {
			t.Fatal(err)
		}
		kind := kindAssets
		if strings.HasSuffix(name, ".mmdb") {
			kind = kindGeoIP
		}
		f, err := d.take(kind, path)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	s, err := d.open(list)
	if err != nil {
		t.Fatal(err)
	}
	var agents atomic.Bool
	agents.Store(true)
	return newEnricher(s, &agents, newMetrics(nil))
}

// added returns what enrichment adds to an event of fields given as JSON.
func added(t testing.TB, n *Enricher, fields string) string {
	t.Helper()
	var d event.Decoder
	var e event.Event
	if err := d.Decode([]byte(fields), &e); err != nil {
		t.Fatal(err)
	}
	before := len(e.Fields())
	n.Enrich(&e)
	var all []string
	for _, f := range e.Fields()[before:] {
		all = append(all, fmt.Sprintf("%s=%s", f.Key, f.Value))
	}
	return strings.Join(all, "\n")
}

func TestEnrichAddresses(t *testing.T) {
	files := map[string][]byte{"city.mmdb": cityFile(), "flat.mmdb": flatFile(), "as.mmdb": networkFile()}
	n := testEnricher(t, files, "city.mmdb", "flat.mmdb", "as.mmdb")
	f := func(fields, want string) {
		t.Helper()
		for range 2 { // the second time from the cache
			if got := added(t, n, fields); got != strings.ReplaceAll(want, "; ", "\n") {
				t.Errorf("%s:\n%s", fields, cmp.Diff(strings.ReplaceAll(want, "; ", "\n"), got))
			}
		}
	}
	geo := func(side string) string {
		return strings.ReplaceAll("S.geo.continent_code=EU; S.geo.country_iso_code=GB; S.geo.country_name=United Kingdom; "+
			"S.geo.region_iso_code=ENG; S.geo.region_name=England; S.geo.city_name=London; S.geo.postal_code=OX1; "+
			"S.geo.timezone=Europe/London; S.geo.location.lat=51.5; S.geo.location.lon=-0.25", "S.", side+".")
	}
	as := "source.as.number=64496; source.as.organization.name=Example Net"
	f(`{"source.ip":"`+cityAddr+`"}`, geo("source")+"; "+as)
	f(`{"source.ip":"`+cityAddr6+`"}`, geo("source"))
	f(`{"client.ip":"`+cityAddr6+`","destination.ip":"`+cityAddr6+`"}`, geo("destination")+"; "+geo("client"))
	f(`{"server.ip":"`+countryAddr+`"}`, "server.geo.country_iso_code=FR; server.geo.country_name=France")
	f(`{"source.ip":"`+asOnlyAddr+`"}`, "source.as.number=64497; source.as.organization.name=Other Net")
	// What the sender gave stays as it is, group by group.
	f(`{"source.ip":"`+cityAddr+`","source.geo.city_name":"Oxford"}`, as)
	f(`{"source.ip":"`+cityAddr+`","source.as.number":1}`, geo("source"))
	f(`{"source.ip":"`+cityAddr+`","source.as.number":1,"source.geo.country_iso_code":"DE"}`, "")
	// Not public, though a file has them.
	f(`{"source.ip":"10.1.2.3"}`, "")
	f(`{"source.ip":"203.0.113.9"}`, "")
	f(`{"source.ip":"8.8.8.8"}`, "")
	f(`{"source.ip":"no address"}`, "")
	f(`{}`, "")
}

func TestEnrichAgents(t *testing.T) {
	n := testEnricher(t, nil)
	f := func(agent, want string) {
		t.Helper()
		if got := added(t, n, fmt.Sprintf(`{"user_agent.original":%q}`, agent)); got != strings.ReplaceAll(want, "; ", "\n") {
			t.Errorf("%.200s:\n%s", agent, got)
		}
	}
	f("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
		"user_agent.name=Chrome; user_agent.version=120.0.0.0; user_agent.os.name=Windows; user_agent.os.version=10.0")
	f("Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.42(0x18002a2f) NetType/WIFI Language/zh_CN",
		"user_agent.name=MicroMessenger; user_agent.version=8.0.42; user_agent.os.name=iOS; user_agent.os.version=16.6; user_agent.device.name=iPhone")
	f("curl/8.5.0", "user_agent.name=curl; user_agent.version=8.5.0")
	f("() { :; }; /bin/bash -c id", "")
	f("-", "")
	f("a/1 "+strings.Repeat("x", 1<<20), "user_agent.name=a; user_agent.version=1")
	if got := added(t, n, `{"user_agent.original":"curl/8.5.0","user_agent.name":"mine"}`); got != "" {
		t.Errorf("the sender's name is joined by %s", got)
	}
	n.agents.Store(false)
	f("curl/8.5.0", "")
}

func FuzzAgent(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:1) Gecko Firefox/1")
	f.Add("Instagram 1 Android (24/7; x; y")
	f.Add("XiaoMi/MiuiBrowser/ (((;;;)))")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxAgent {
			text = text[:maxAgent]
		}
		a, b := parseAgent(text), parseAgent(text)
		for i := range a {
			if !a[i].Equal(b[i]) {
				t.Errorf("%q is not always the same", agentNames[i])
			}
		}
	})
}

func TestIsPublic(t *testing.T) {
	f := func(addr string, want bool) {
		t.Helper()
		if got := isPublic(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	for _, a := range []string{"8.8.8.8", "100.63.255.255", "172.32.0.1", "2a00::1", "2002::1"} {
		f(a, true)
	}
	for _, a := range []string{
		"0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "192.168.1.1", "198.18.0.1",
		"224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1",
	} {
		f(a, false)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache[int, int](10)
	for i := range 1000 {
		c.put(i, i)
		if v, ok := c.get(0); ok && v != 0 {
			t.Fatal("another value")
		}
	}
	if n := len(c.young) + len(c.old); n > 20 {
		t.Errorf("%d entries", n)
	}
	if v, ok := c.get(999); !ok || v != 999 {
		t.Error("the newest is gone")
	}
	if _, ok := c.get(0); !ok { // it was always asked for
		t.Error("what is asked for is gone")
	}
}

func BenchmarkEnrich(b *testing.B) {
	assets := []byte("ip,labels.owner\n10.0.0.0/8,it\n192.168.0.0/16,lab\n")
	files := map[string][]byte{"city.mmdb": cityFile(), "as.mmdb": networkFile(), "a.csv": assets}
	base := `"user_agent.original":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"`
	for i := range 25 {
		base += fmt.Sprintf(`,"labels.f%d":"value"`, i)
	}
	run := func(name string, addr func(i int) netip.Addr, order ...string) {
		b.Run(name, func(b *testing.B) {
			n := testEnricher(b, files, order...)
			var d event.Decoder
			var e event.Event
			if err := d.Decode([]byte(`{`+base+`}`), &e); err != nil {
				b.Fatal(err)
			}
			fields := append([]event.Field(nil), e.Fields()...)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e.ClearFields()
				for _, f := range fields {
					e.Add(f.Key, f.Value)
				}
				e.AddAddr(event.SourceIP, addr(i))
				if order != nil {
					n.Enrich(&e)
				}
			}
		})
	}
	one := func(int) netip.Addr { return netip.MustParseAddr(cityAddr) }
	each := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{81, 2, byte(i >> 8), byte(i)}) }
	all := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte{byte(i>>24) + 50, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	run("event alone", one)
	run("agent", one, []string{}...)
	run("known address", one, "city.mmdb", "as.mmdb")
	run("known address and assets", one, "city.mmdb", "as.mmdb", "a.csv")
	run("many addresses", each, "city.mmdb", "as.mmdb", "a.csv")
	run("new addresses", all, "city.mmdb", "as.mmdb", "a.csv")
}
