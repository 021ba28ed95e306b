package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func Example() {
	var e Event
	e.Time = time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC).UnixNano()
	e.ID, e.Source, e.Dataset = "7", "edge-1", "nginx.access"
	e.AddIP(SourceIP, "203.0.113.9")
	e.AddInt(HTTPResponseStatusCode, 403)
	e.Add(EventCategory, String("web"))
	fmt.Println(string(e.AppendJSON(nil)))
	// Output:
	// {"@timestamp":"2026-11-21T08:30:00.000Z","event.id":"7","event.dataset":"nginx.access","gatewatch.source":"edge-1","source.ip":"203.0.113.9","http.response.status_code":403,"event.category":["web"]}
}

func ExampleDecoder() {
	var d Decoder
	var e Event
	err := d.Decode([]byte(`{"@timestamp":"2026-11-21T09:30:00+01:00","source":{"ip":"2001:db8::1"},"tags":["a","b"]}`), &e)
	fmt.Println(err, e.Get(SourceIP), string(e.AppendJSON(nil)))
	// Output:
	// <nil> 2001:db8::1 {"@timestamp":"2026-11-21T08:30:00.000Z","source.ip":"2001:db8::1","tags":["a","b"]}
}

func TestDecode(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		var d Decoder
		e := new(Event)
		got := ""
		if err := d.Decode([]byte(in), e); err != nil {
			got = "error: " + err.Error()
		} else {
			got = strings.TrimPrefix(string(e.AppendJSON(nil)), "{")
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	f(`{"a":{"b":[1,2.5,true,null,"x"]},"c":"\u00e9\ud83d\ude00\n"}`, `"a.b":[1,2.5,true,"x"],"c":"é😀\n"}`)
	f(`{"http.response.status_code":"404","http":{"version":"1.1"}}`, `"http.response.status_code":404,"http.version":"1.1"}`)
	f(`{"a":[{"b":1},{"b":2}],"z":[]}`, `"a.b":[1,2]}`)
	f(`{"a":[[1],[2]],"x":{}}`, `"a":[1,2]}`)
	f(`{"n":9223372036854775808,"m":1e400,"k":3.0,"i":-5}`, `"n":"9223372036854775808","m":"1e400","k":3.0,"i":-5}`)
	f(`{"source.ip":"not an ip","client.ip":"::ffff:192.0.2.1"}`, `"source.ip":"not an ip","client.ip":"192.0.2.1"}`)
	f(`{"__proto__":{"constructor":"x"},"__proto__.constructor":"y"}`, `"__proto__.constructor":["x","y"]}`)
	f("{\"u\":\"\xff\xe2\x80\xa8\"}", "\"u\":\"\ufffd\\u2028\"}")
	f(`{"event.category":"web"}`, `"event.category":["web"]}`)
	f(`{"@timestamp":"yesterday"}`, `"@timestamp_text":"yesterday"}`)
	f(`{"@timestamp":12,"event.ingested":"never"}`, `"@timestamp_text":12,"event.ingested_text":"never"}`)
	f(`{}`, `}`)
	f(`[1]`, `error: read json: want an object`)
	f(`{"a":1}x`, `error: read json: text after the value at byte 7`)
	f(`{"a":01}`, `error: read json: value is not JSON at byte 5`)
	f(`{"a":"x`, `error: read json: string is cut off at byte 5`)
	f(strings.Repeat(`{"a":`, 100000)+"1", `error: read json: value is nested too deeply at byte 320`)
}

func TestDecodeBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("{")
	for i := range 100_000 {
		fmt.Fprintf(&b, `"k%d":%d,`, i, i)
	}
	b.WriteString(`"last":1}`)
	var d Decoder
	var e Event
	if err := d.Decode([]byte(b.String()), &e); err != nil {
		t.Fatal(err)
	}
	if n := len(e.Fields()); n != MaxFields+2 {
		t.Errorf("have %d fields, want %d and two that tell", n, MaxFields)
	}
	if got, want := e.Get(ErrorMessage).Text(), "json: 98977 values are over the bounds of an event"; got != want {
		t.Errorf("error.message is %q, want %q", got, want)
	}
	if n := len(e.Get(GatewatchFlattened).Text()); n == 0 || n > maxFlattened {
		t.Errorf("flattened text has %d bytes", n)
	}
}

func TestNamesBeyondTheTable(t *testing.T) {
	long := strings.Repeat("x", 300)
	a, b := Intern(long), Intern(long)
	if a.ID() != -1 || !a.Is(b) || a.Is(SourceIP) {
		t.Errorf("names that are not interned do not compare by text")
	}
	if !Intern("some.name").Is(InternBytes([]byte("some.name"))) || Intern("source.ip") != SourceIP {
		t.Errorf("interned names differ")
	}
}

func TestListsAndMembers(t *testing.T) {
	var e Event
	e.Raw, e.Time = []byte("\xfe\xff raw"), 1
	e.AddText(Message, "one")
	e.Set(Message, String("two"))
	e.Add(WAFMatchRuleID, String("942100"))
	e.Add(WAFMatchValue, String(""))
	e.Add(WAFMatchRuleID, String("941100"))
	e.Add(WAFMatchValue, String("<"))
	var ids []string
	for v := range e.Values(WAFMatchRuleID) {
		ids = append(ids, v.Text())
	}
	if diff := cmp.Diff([]string{"942100", "941100"}, ids); diff != "" {
		t.Error(diff)
	}
	if v := e.Get(WAFMatchValue); v.Kind() != KindString || v.Text() != "" {
		t.Errorf("empty element of a list is lost: %v", v)
	}
	var back Event
	if err := json.Unmarshal(e.AppendJSON(nil), &back); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Raw, e.Raw) || back.Get(Message).Text() != "two" {
		t.Errorf("read back %q", back.AppendJSON(nil))
	}
}

func TestBufferKeepsStrings(t *testing.T) {
	var e Event
	var got, want []string
	for i := range 1000 {
		s := strings.Repeat("v", i%77) + fmt.Sprint(i)
		want = append(want, s)
		got = append(got, e.Copy([]byte(s)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	e.Source = "s"
	e.Add(SourceIP, IP(netip.MustParseAddr("2001:db8::5")))
	c := e.Clone()
	e.Reset()
	e.Copy(bytes.Repeat([]byte("z"), 2000))
	if c.Source != "s" || c.Get(SourceIP).String() != "2001:db8::5" {
		t.Errorf("clone changed with its origin: %s", c.AppendJSON(nil))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"@timestamp":"2026-11-21T09:30:00+01:00","source":{"ip":"2001:db8::1"},"tags":["a","\u00e9"]}`))
	f.Add([]byte(`{"a":[{"b":1e9},null,{}],"event.original":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var d Decoder
		var e, back Event
		err := d.Decode(raw, &e)
		if err == nil && !json.Valid(bytes.ToValidUTF8(raw, []byte("?"))) {
			t.Fatalf("accepted what is not JSON: %q", raw)
		}
		out := e.AppendJSON(nil)
		if !json.Valid(out) {
			t.Fatalf("wrote what is not JSON: %q", out)
		}
		if err := back.UnmarshalJSON(out); err != nil {
			t.Fatalf("read %q back: %v", out, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	raw := []byte(`{"@timestamp":"2026-11-21T09:30:00.123Z","source":{"ip":"203.0.113.77","port":51234},"http":{"request":{"method":"GET","bytes":512},"response":{"status_code":200,"bytes":10240}},"url":{"path":"/catalog/item/123","query":"id=5&sort=asc"},"user_agent.original":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36","service":"checkout","latency_ms":12.5}`)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var d Decoder
	var e Event
	for b.Loop() {
		e.Reset()
		if err := d.Decode(raw, &e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	var d Decoder
	var e Event
	if err := d.Decode([]byte(`{"source":{"ip":"203.0.113.77","port":51234},"http":{"request":{"method":"GET"},"response":{"status_code":200}},"url":{"path":"/catalog/item/123"},"tags":["a","b"]}`), &e); err != nil {
		b.Fatal(err)
	}
	var buf []byte
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}

func TestNulls(t *testing.T) {
	const text = `{"a":null,"b":[],"c":[null,1],"d":{"e":null},"event.id":null}`
	f := func(keep bool, want string) {
		t.Helper()
		var e Event
		d := Decoder{Nulls: keep}
		if err := d.Decode([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		names := ""
		for _, f := range e.Fields() {
			names += f.Key.String() + "=" + f.Value.Kind().String() + " "
		}
		if names != want {
			t.Errorf("fields are %s, want %s", names, want)
		}
		if e.Has(Intern("a")) {
			t.Error("a null is a value")
		}
	}
	f(false, "c=int ")
	f(true, "a=none b=none c=none c=int d.e=none ")
}

// TestParseIPTakesWhatAnAddressIs wants its cheap way out to refuse nothing that
// is an address.
func TestParseIPTakesWhatAnAddressIs(t *testing.T) {
	for _, s := range []string{
		"", ".", ":", "::", "::1", "1::", "0.0.0.0", "203.0.113.9", "255.255.255.255", "2001:DB8::1", "abcd:ef01:2345:6789:abcd:ef01:2345:6789",
		"::ffff:203.0.113.9", "[2001:db8::1]", "fe80::1%eth0", "abcde::1", "1234.1.1.1", "01.2.3.4", "g::1", "beef", "deadbeefdeadbeef",
		"cafe.example.com", "1.2.3", "host:80", "a.b", "feed:beef",
	} {
		want, err := netip.ParseAddr(strings.Trim(s, "[]"))
		got, ok := ParseIP(s)
		if ok != (err == nil) || ok && got != want.WithZone("").Unmap() {
			t.Errorf("ParseIP(%q) = %v, %v; want %v, %v", s, got, ok, want, err)
		}
	}
}
