package dashboards

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files anew")

// evil has all that must not act or hide.
const evil = "/x?</script><script>alert(1)</script>\u202etxt.exe\x1b[2J\u200b{hide|me}\xff"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var examples = []Chart{
	Traffic{Points: []TrafficPoint{{noon, 3, 40}, {noon.Add(time.Hour), 0, 55}}},
	Rules{{"942100", "SQL Injection Attack Detected via libinjection", 31}, {evil, evil, 2}},
	Attackers{{"203.0.113.9", "NL", 31}, {"2001:db8::1", "", 2}},
	Targets{{"/login", "shop", 31}, {evil, evil, 2}},
	Rates{
		{Kind: "false_positive", Enough: true, Value: 0.0125, Low: 0.004, High: 0.031, Labels: 210, N: 40120},
		{Kind: "missed", Scope: evil, Labels: 12, N: 90, Why: "not enough labels"},
		{Kind: "false_share", Scope: "shop", Enough: true, Value: 0.5, Low: 0.31, High: 0.69, Labels: 40, N: 120},
	},
	Status{Points: []StatusPoint{{noon, Answers{1, 0, 30, 2, 4, 1}}, {noon.Add(time.Hour), Answers{2: 10}}}},
	Upstreams{{"shop", Answers{1, 0, 30, 2, 4, 1}}, {evil, Answers{2: 10}}, {"", Answers{5: 1}}},
	WhatIf{Threshold: 5, Curves: []Curve{
		{1, []CurvePoint{{1, 0.12}, {5, 0.04}, {10, 0.01}}},
		{2, []CurvePoint{{1, 0.2}, {5, 0.09}, {10, 0.02}}},
	}},
	Arcs{To: &Place{31.2, 121.5}, Origins: []Origin{{"NL", Place{52.1, 5.3}, 310}, {evil, Place{-14.2, -51.9}, 1}}},
}

// TestGolden: each chart that is registered has an example and is what it was.
func TestGolden(t *testing.T) {
	seen := []string{}
	for _, c := range examples {
		seen = append(seen, c.Name())
		for _, l := range []Look{{English, false}, {Chinese, true}} {
			got, err := Option(c, l)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"<", ">", "\u202e", "\x1b", "\u200b", "{hide|", "function", "__f__", `"formatter"`} {
				if bytes.Contains(got, []byte(bad)) {
					t.Errorf("%s in %s holds %q", c.Name(), l.Language, bad)
				}
			}
			var shown bytes.Buffer
			if err := json.Indent(&shown, got, "", " "); err != nil {
				t.Fatalf("%s: %v: %s", c.Name(), err, got)
			}
			shown.WriteByte('\n')
			file := filepath.Join("testdata", c.Name()+"."+string(l.Language)+".json")
			if *update {
				if err := os.WriteFile(file, shown.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), shown.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
	slices.Sort(seen)
	if diff := cmp.Diff(Names(), seen); diff != "" {
		t.Errorf("charts without an example (-registered +examples):\n%s", diff)
	}
}

// TestEmpty: a chart of nothing is one.
func TestEmpty(t *testing.T) {
	for _, c := range []Chart{Traffic{}, Rules{}, Attackers(nil), Targets{}, Rates{}, Status{}, Upstreams{}, WhatIf{}, Arcs{}} {
		got, err := Option(c, Look{Language: English})
		if err != nil || !json.Valid(got) || bytes.Contains(got, []byte(`"series":null`)) && c.Name() != "status" && c.Name() != "upstreams" && c.Name() != "whatif" {
			t.Errorf("%s: %v: %s", c.Name(), err, got)
		}
	}
}

// TestWords: both languages say the same things, and none says nothing.
func TestWords(t *testing.T) {
	for key, text := range words[English] {
		if text == "" || words[Chinese][key] == "" {
			t.Errorf("%s is not said in both languages", key)
		}
	}
	if len(words[English]) != len(words[Chinese]) {
		t.Errorf("%d and %d words", len(words[English]), len(words[Chinese]))
	}
	if _, err := Option(Traffic{}, Look{Language: "fr"}); err == nil {
		t.Error("a chart was drawn in a language that there is not")
	}
}

func TestVisible(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := Visible(in); got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("/登录?a=é", "/登录?a=é")
	f("a\nb\tc\r", `a\nb\tc\r`)
	f("\x1b[31m", `\x1b[31m`)
	f("\u202eexe", `\u202eexe`)
	f("\u200b\u2066\ufeff", `\u200b\u2066\ufeff`)
	f("\u00a0\u2028\u3164\ufe0f", `\u00a0\u2028\u3164\ufe0f`)
	f("\U000e0041", `\U000e0041`)
	f("a\xff\xc3", `a\xff\xc3`)
	f("e\u0301\u0301\u0301", "e\u0301\u0301"+`\u0301`)
	if got := Parts("a\x00\x01b"); !cmp.Equal(got, []Part{{"a", false}, {`\x00\x01`, true}, {"b", false}}) {
		t.Errorf("Parts: %+v", got)
	}
}

func TestClip(t *testing.T) {
	f := func(in string, n int, want string) {
		t.Helper()
		if got := Clip(in, n); got != want {
			t.Errorf("Clip(%q, %d) = %q, want %q", in, n, got, want)
		}
	}
	f("abc", 3, "abc")
	f("abcd", 3, "ab…")
	f("登录页面", 3, "登录…")
	if got := label(strings.Repeat("a", 1000)); len(got) > maxLabel+2 {
		t.Errorf("a label has %d bytes", len(got))
	}
}

func FuzzVisible(f *testing.F) {
	f.Add(evil)
	f.Fuzz(func(t *testing.T, in string) {
		shown := Visible(in)
		if again := Visible(shown); again != shown {
			t.Errorf("Visible(%q) = %q hides something", in, shown)
		}
		if got, err := Option(Rules{{in, in, 1}}, Look{Language: Chinese}); err != nil || !json.Valid(got) {
			t.Errorf("%q: %v: %s", in, err, got)
		}
	})
}
