package jsonscan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// walk reads all tokens, checks that they nest, and returns them as text.
func walk(data []byte) ([]string, error) {
	var s Scanner
	var out []string
	s.Reset(data)
	for {
		t, err := s.Next()
		if err != nil {
			return out, err
		}
		if t.Kind == End {
			return out, nil
		}
		out = append(out, strings.TrimRight(fmt.Sprintf("%d %s", t.Kind, t.Text), " "))
	}
}

func TestScan(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		got, err := walk([]byte(in))
		if err != nil {
			got = append(got, err.Error())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
	f(` {"a" : [1, -2.5e+3, "x\"y", true, false, null, {}, []] } `,
		"1", "5 a", "3", "7 1", "7 -2.5e+3", `6 x\"y`, "8 true", "9 false", "10 null", "1", "2", "3", "4", "4", "2")
	f(`"longer than eight bytes, with the quote late"`, "6 longer than eight bytes, with the quote late")
	f("\"\xff\xfe\x7f\"", "6 \xff\xfe\x7f")
	f(`{}`, "1", "2")
	f(``, "read json: value is cut off at byte 0")
	f(`{`, "1", "read json: value is cut off at byte 1")
	f(`{"a"`, "1", "read json: colon is missing at byte 4")
	f(`{"a":1,}`, "1", "5 a", "7 1", "read json: key is missing at byte 7")
	f(`[1,]`, "3", "7 1", "read json: value is not JSON at byte 3")
	f(`[1}`, "3", "7 1", "read json: comma or end of the container is missing at byte 2")
	f(`[1 2]`, "3", "7 1", "read json: comma or end of the container is missing at byte 3")
	f("\"a\nb\"", "read json: control character in a string at byte 2")
	f(`"\x41"`, "read json: escape is wrong at byte 1")
	f(`"\u12g4"`, "read json: escape is wrong at byte 1")
	f(`"\`, "read json: escape is wrong at byte 1")
	f(`01`, "read json: value is not JSON at byte 0")
	f(`1.`, "read json: number has no digit after its point at byte 0")
	f(`1e`, "read json: number has no digit in its exponent at byte 0")
	f(`nul`, "read json: value is not JSON at byte 0")
	f(`1 2`, "7 1", "read json: text after the value at byte 2")
}

func TestDepth(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	if _, err := walk([]byte(deep)); err != nil {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
	if _, err := walk([]byte("[" + deep + "]")); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("depth %d: %v", MaxDepth+1, err)
	}
}

func TestSkip(t *testing.T) {
	var s Scanner
	s.Reset([]byte(`{"a":{"b":[1,{"c":2}]},"d":"e"}`))
	next := func() Token {
		t.Helper()
		tok, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	next()
	if err := s.Skip(next()); err != nil {
		t.Fatal(err)
	}
	if k := next(); k.Kind != Key || string(k.Text) != "d" {
		t.Errorf("after the skipped value stands %v %q", k.Kind, k.Text)
	}
	if s.Depth() != 1 {
		t.Errorf("depth is %d", s.Depth())
	}
}

func TestUnquote(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(Unquote(nil, []byte(in))); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	f(`plain`, "plain")
	f(`\"\\\/\b\f\n\r\t`, "\"\\/\b\f\n\r\t")
	f(`\u00e9\ud83d\ude00`, "é😀")
	f(`\ud83dx\ude00`, "\ufffdx\ufffd")
	f(`\ud83d\u0041`, "\ufffdA")
	f(`\`, `\`)
}

// FuzzScan accepts what encoding/json accepts, up to MaxDepth, and reads the
// same strings.
func FuzzScan(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,"x\u00e9",true,null]}`, `[[[{"k":"\ud83d\ude00"}]]]`, "\"\xff\"", `1e5`, `{"a":}`, ` "x" `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := walk(data)
		deep := err != nil && strings.Contains(err.Error(), "nested too deeply")
		if valid := json.Valid(data); valid != (err == nil) && !deep {
			t.Fatalf("encoding/json says %v, the scanner %v: %q", valid, err, data)
		}
		var want string
		if json.Unmarshal(data, &want) != nil || !utf8.Valid(data) {
			return
		}
		var s Scanner
		s.Reset(data)
		if tok, _ := s.Next(); tok.Kind == String {
			if got := string(Unquote(nil, tok.Text)); got != want {
				t.Errorf("%q: got %q, want %q", data, got, want)
			}
		}
	})
}
