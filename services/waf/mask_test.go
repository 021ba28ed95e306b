package waf

import (
	"strings"
	"testing"
)

func TestMaskQuery(t *testing.T) {
	f := func(m Masking, in, want string) {
		t.Helper()
		target := eventMask{policy: m}.target("?" + in)
		if got := target[1:]; got != want {
			t.Errorf("%s %s: %s, want %s", m, in, got, want)
		}
	}
	f(MaskCredentials, "a=1&password=Hunter2!&b=2", "a=1&password=Xxxxxx0!&b=2")
	f(MaskCredentials, "pass%77ord=abc", "pass%77ord=xxx")
	f(MaskCredentials, "user[passwd]=abc&PHPSESSID=4F&sid=9", "user[passwd]=xxx&PHPSESSID=0X&sid=0")
	f(MaskCredentials, "token=a%2Bb%20c;x=y", "token=x%78x%78x;x=x")
	f(MaskCredentials, "token", "token")
	f(MaskCredentials, "", "")
	f(MaskCredentials, "=a&&=", "=a&&=")
	f(MaskCredentials, "passenger=bob&side=left&asset=1", "passenger=bob&side=left&asset=1")
	f(MaskCredentials, "n=4111-1111-1111-1111&m=4111111111111112", "n=0000-0000-0000-0000&m=4111111111111112")
	f(MaskStrict, "a=b&c=Dé", "a=x&c=Xxx")
	f(MaskOff, "password=a", "password=a")
}

func TestMaskTarget(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := (eventMask{policy: MaskCredentials}).target(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	f("/a?token=b", "/a?token=x")
	f("/password=secret", "/password=xxxxxx")
	f("https://bob:pw@h/p?pwd=1&x=2", "https://xxx:xx@h/p?pwd=0&x=2")
	f("/a?b?token=1", "/a?b?token=0")
	f("/a?x=1&token=a?b", "/a?x=1&token=x?x")
}

func TestMaskMatched(t *testing.T) {
	f := func(variable, in, want string) {
		t.Helper()
		if got := (eventMask{policy: MaskCredentials}).matched(variable, in); got != want {
			t.Errorf("%s %s: %s, want %s", variable, in, got, want)
		}
	}
	f("ARGS:q", "1 union select", "1 union select")
	f("ARGS:password", "1 union select", "0 xxxxx xxxxxx")
	f("ARGS:json.user.apiKey", "Ab1", "Xx0")
	f("ARGS_NAMES:password", "password", "password")
	f("REQUEST_COOKIES:lang", "de", "xx")
	f("REQUEST_COOKIES_NAMES:lang", "lang", "lang")
	f("REQUEST_HEADERS:Authorization", "Bearer abc", "Xxxxxx xxx")
	f("REQUEST_HEADERS:Cookie", "a=1", "x=0")
	f("REQUEST_HEADERS:User-Agent", "curl/8", "curl/8")
	f("REQUEST_BODY", `user=bob&password=a b&x=1`, `user=bob&password=x x&x=1`)
	f("REQUEST_BODY", `{"password": "it\"s", "n": 1}`, `{"password": "xx\"x", "n": 1}`)
	f("REQUEST_BODY", `{"pin":1234,"n":1}`, `{"pin":1111,"n":1}`)
	f("REQUEST_BODY", `<r><secret>abc</secret><b>c</b></r>`, `<r><secret>xxx</secret><b>c</b></r>`)
	f("ARGS:data", `{\"token\":\"abc\"}`, `{\"token\":\"xxx\"}`)
	f("REQUEST_URI", "/x?api_key=Z9", "/x?api_key=X0")
	f("ARGS:note", "card 4111 1111 1111 1111.", "card 0000 0000 0000 0000.")
	f("ARGS:note", "password", "password")
	f("ARGS:note", "password=", "password=")
}

func TestShown(t *testing.T) {
	f := func(in string, limit int, want string) {
		t.Helper()
		if got := (eventMask{policy: MaskCredentials}).shown("ARGS:a", in, limit); got != want {
			t.Errorf("%.20s: %s, want %s", in, got, want)
		}
	}
	f("abcdef", 6, "abcdef")
	f("abcdefg", 6, "abcdef…(+1 bytes)")
	f("ab€", 3, "ab…(+2 bytes)")
	f(strings.Repeat("a", 1<<20), 2, "aa…(+1048574 bytes)")
	f("x=1&token="+strings.Repeat("s", 2000), 14, "x=1&token=xxxx…(+1996 bytes)")
}

// FuzzMask wants the same length and no secret.
func FuzzMask(f *testing.F) {
	f.Add("a=1&password=Hunter2")
	f.Add(`{"token":"x\"y","card":"4111 1111 1111 1111"}`)
	f.Add("<secret>a</secret>%zz=%41;;==&")
	f.Fuzz(func(t *testing.T, in string) {
		for _, policy := range []Masking{MaskCredentials, MaskStrict} {
			m := eventMask{policy: policy}
			for _, got := range []string{m.matched("ARGS:a", in), m.matched("REQUEST_BODY", in), m.target(in), m.mediaType(in)} {
				if len(got) != len(in) {
					t.Fatalf("%q became %q", in, got)
				}
			}
		}
		if got := (secrets{}).pairs("password=" + strings.Map(keepPlain, in)); strings.ContainsAny(got[9:], "abcdefghijklmnopqrstuvw123456789") {
			t.Fatalf("secret in %q", got)
		}
	})
}

func keepPlain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}
