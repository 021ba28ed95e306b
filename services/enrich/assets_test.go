package enrich

import (
	"fmt"
	"strings"
	"testing"
)

func TestAssets(t *testing.T) {
	csv := "# our networks\n" +
		"ip,host,user,destination.ip,labels.owner,labels.criticality,source.geo.city_name,event_count\n" +
		"10.0.0.0/8,,,,it,low\n" +
		"10.1.0.0/16,,,,shop,high,Berlin,7\n" +
		"10.1.2.3,,,,alice\n" +
		"2001:db8::/32,,,,lab\n" +
		",MAIL01,,,mail\n" +
		",,bob,,hr,\n" +
		",,,10.9.0.0/16,dmz,\n"
	ndjson := `{"host":"db01","labels.tier":1,"labels.pci":true,"labels.weight":0.5}` + "\n\n"
	n := testEnricher(t, map[string][]byte{"a.csv": []byte(csv), "b.ndjson": []byte(ndjson), "c.mmdb": cityFile()}, "a.csv", "b.ndjson", "c.mmdb")
	f := func(fields, want string) {
		t.Helper()
		for range 2 {
			if got := added(t, n, fields); got != strings.ReplaceAll(want, "; ", "\n") {
				t.Errorf("%s:\n%s", fields, got)
			}
		}
	}
	f(`{"source.ip":"10.2.3.4"}`, "labels.owner=it; labels.criticality=low")
	f(`{"source.ip":"10.1.9.9"}`, "labels.owner=shop; labels.criticality=high; source.geo.city_name=Berlin; event_count=7")
	f(`{"client.ip":"10.1.2.3"}`, "labels.owner=alice")
	f(`{"host.ip":["192.0.2.1","2001:db8::7"]}`, "labels.owner=lab")
	f(`{"host.name":"mail01"}`, "labels.owner=mail")
	f(`{"user.name":"Bob"}`, "labels.owner=hr")
	f(`{"destination.ip":"10.9.1.1"}`, "labels.owner=dmz; labels.criticality=low")
	f(`{"source.ip":"10.9.1.1"}`, "labels.owner=it; labels.criticality=low")
	f(`{"host.name":"db01","source.ip":"10.1.2.3"}`, "labels.pci=true; labels.tier=1; labels.weight=0.5; labels.owner=alice")
	// What the sender gave stays.
	f(`{"user.name":"bob","labels.owner":"me"}`, "")
	f(`{"host.name":"elsewhere","user.id":"x"}`, "")
}

// TestAssetOrder: the fields of a JSON object come in one order always.
func TestAssetOrder(t *testing.T) {
	row := `{"host":"h"`
	for i := range 20 {
		row += fmt.Sprintf(`,"labels.f%02d":%d`, 19-i, i)
	}
	var first string
	for range 5 {
		n := testEnricher(t, map[string][]byte{"a.ndjson": []byte(row + "}")}, "a.ndjson")
		got := added(t, n, `{"host.name":"h"}`)
		if first == "" {
			first = got
		}
		if got != first || got == "" {
			t.Fatalf("%s\n, before\n%s", got, first)
		}
	}
}

func TestAssetMistakes(t *testing.T) {
	f := func(name, text string, want ...string) {
		t.Helper()
		err := new(assets).readAssets(name, []byte(text))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != strings.Join(want, "\n") {
			t.Errorf("%q:\n%s", text, got)
		}
	}
	f("a.csv", "", "read assets a.csv line 1: want the names of columns: EOF")
	f("a.csv", "\ufeffip,labels.a\n10.0.0.0/8,x\n")
	f("a.csv", "labels.a\nx\n", "read assets a.csv line 1: want a column that says what a row is of: ip, host, user, host.ip, destination.ip, server.ip, source.ip, client.ip")
	f("a.csv", "ip,Labels\n", `read assets a.csv line 1: column "Labels" is no field name: want lower-case words with dots, such as labels.owner`)
	f("a.csv", "ip,event.id,message\n", `read assets a.csv line 1: column "event.id": tables cannot set this field`, `read assets a.csv line 1: column "message": tables cannot set this field`)
	f("a.csv", "ip,labels.a,labels.a\n", `read assets a.csv line 1: column "labels.a" is there twice`)
	f("a.csv", "ip,labels.a\n10.0.0.1/8,x\n\nten,y\n10.0.0.0/8,z\n10.0.0.0/8,z\n10.3.0.0/16\n1,2,3\n",
		"read assets a.csv line 2: 10.0.0.1/8 is not a prefix; did you mean 10.0.0.0/8?",
		`read assets a.csv line 4: "ten" is neither an address nor a prefix such as 10.1.0.0/16`,
		"read assets a.csv line 6: ip 10.0.0.0/8 is in a.csv line 5 too",
		"read assets a.csv line 7: it sets no field",
		"read assets a.csv line 8: 3 cells, but 2 columns")
	f("a.csv", "ip,host,labels.a\n10.0.0.1,h,x\n,,x\n,,\n",
		"read assets a.csv line 2: want exactly one of ip, host, user, host.ip, destination.ip, server.ip, source.ip, client.ip, have 2",
		"read assets a.csv line 3: want exactly one of ip, host, user, host.ip, destination.ip, server.ip, source.ip, client.ip, have 0")
	f("a.csv", "ip,labels.a\n\"10.0.0.1,x\n", `read assets a.csv line 2: extraneous or missing " in quoted-field`)
	f("a.ndjson", `{"ip":"10.0.0.1","labels":{"a":1}}`, "read assets a.ndjson line 1: labels: want a text, a number, true or false")
	f("a.ndjson", "[]\n{\"host\":\"h\",\"a\":1}{}\n{\"host\":3,\"a\":1}\n",
		"read assets a.ndjson line 1: json: cannot unmarshal array into Go value of type map[string]interface {}",
		"read assets a.ndjson line 2: want one object a line",
		"read assets a.ndjson line 3: host: want a text")
	f("a.ndjson", `{"host":"h","a":"`+strings.Repeat("x", 2000)+`"}`, "read assets a.ndjson line 1: a: want UTF-8 of at most 1024 bytes")
	f("a.txt", "", "read assets a.txt: want a file that ends in .csv or .ndjson")
	many := "ip,labels.a\n" + strings.Repeat("x,y\n", 100)
	if err := new(assets).readAssets("a.csv", []byte(many)); strings.Count(err.Error(), "\n") != maxMistakes-1 {
		t.Errorf("%d lines", strings.Count(err.Error(), "\n"))
	}
}

func FuzzAssets(f *testing.F) {
	f.Add([]byte("ip,host,labels.a\n10.0.0.0/8,,x\n,h,y\n"), true)
	f.Add([]byte(`{"user":"u","labels.a":1}`), false)
	f.Fuzz(func(t *testing.T, text []byte, csv bool) {
		name := "a.ndjson"
		if csv {
			name = "a.csv"
		}
		var a assets
		if err := a.readAssets(name, text); err == nil && a.rows > len(text) {
			t.Errorf("%d rows of %d bytes", a.rows, len(text))
		}
	})
}
