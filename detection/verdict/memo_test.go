package verdict

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What was judged before must not change what is judged now: neither other
// requests, nor the same leaf of another site, place or name.
func TestTheMemoChangesNothing(t *testing.T) {
	fresh := func(in Input) Verdict {
		m, err := Decode(shipped)
		if err != nil {
			t.Fatal(err)
		}
		return m.Score(nil, in)
	}
	all := samples()[1:7]
	for i := range 4 {
		const target = "https://shop.example/next?page=2"
		r := &Request{Site: []string{"shop.example", "other.example"}[i%2], Method: "GET", URI: fmt.Sprintf("/go?%s=%s", []string{"url", "q"}[i/2], target)}
		all = append(all, Input{Request: r}, Input{Request: &Request{Site: r.Site, Method: "GET", URI: "/" + target}})
	}
	m := shippedModel(t)
	for range 2 {
		for i, in := range all {
			if diff := cmp.Diff(fresh(in), m.Score(nil, in)); diff != "" {
				t.Errorf("input %d (-alone +after others):\n%s", i, diff)
			}
		}
	}
}

func TestTheMemoTellsLeavesApart(t *testing.T) {
	var c memo
	m := &valueModel{}
	at := func(p place, name, value string) *leaf {
		return &leaf{place: p, name: []byte(name), value: []byte(value)}
	}
	e, known := c.look(m, at(inQuery, "name", "0123456789"), []byte("site"))
	if e == nil || known {
		t.Fatalf("an empty memo knows a leaf: %v, %v", e, known)
	}
	c.keep(e, opinion{margin: 3, n: 1}, &findings{})
	if e, known := c.look(m, at(inQuery, "name", "0123456789"), []byte("site")); !known || e.opinion.margin != 3 {
		t.Error("the same leaf is not known")
	}
	f := func(l *leaf, site string, model *valueModel) {
		t.Helper()
		if _, known := c.look(model, l, []byte(site)); known {
			t.Errorf("%+v of %s is known", l, site)
		}
	}
	f(at(inForm, "name", "0123456789"), "site", m)
	f(at(inQuery, "nam", "e0123456789"), "site", m)
	f(at(inQuery, "name", "0123456789"), "sit", m)
	f(at(inQuery, "names", "0123456789"), "ite", m)
	f(&leaf{place: inQuery, decoded: decodedURL}, "a site of more than eight bytes", m)
	f(at(inQuery, "name", "0123456789"), "site", &valueModel{bias: 1})
}

var requestsFile = flag.String("requests", "", "packed corpus of requests for BenchmarkRequests, in place of two small ones")

// BenchmarkRequests judges requests in the order of a file, without what the
// rules said about them.
func BenchmarkRequests(b *testing.B) {
	all := samples()[3:5]
	if *requestsFile != "" {
		all = readRequests(b, *requestsFile)
	}
	m := shippedModel(b)
	var evidence []Evidence
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		v := m.Score(evidence[:0], all[i%len(all)])
		evidence = v.Evidence
	}
}

func readRequests(b *testing.B, name string) []Input {
	file, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		b.Fatal(err)
	}
	var all []Input
	lines := bufio.NewScanner(packed)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		q := &Request{}
		if err := ReadRequest(lines.Bytes(), q); err != nil {
			b.Fatal(err)
		}
		all = append(all, Input{Request: q})
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		b.Fatalf("%d requests: %v", len(all), err)
	}
	return all
}
