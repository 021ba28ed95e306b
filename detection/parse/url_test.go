package parse

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitTarget(t *testing.T) {
	f := func(method, target string, want Target) {
		t.Helper()
		if diff := cmp.Diff(want, SplitTarget(method, target)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", method, target, diff)
		}
	}
	f("GET", "/a?b?c#d", Target{Path: "/a", Query: "b?c#d"})
	f("GET", "/", Target{Path: "/"})
	f("GET", "", Target{})
	f("OPTIONS", "*", Target{Path: "*"})
	f("GET", "//host/x", Target{Path: "//host/x"})
	f("GET", "/http://x/", Target{Path: "/http://x/"})
	f("GET", "HTTP://Host.example:80/p?q", Target{Scheme: "HTTP", Host: "Host.example", Port: 80, Path: "/p", Query: "q"})
	f("GET", "http://a:b@c:99999/", Target{Scheme: "http", User: "a", Host: "c:99999", Path: "/"})
	f("GET", "http://[::1]/", Target{Scheme: "http", Host: "::1", Path: "/"})
	f("GET", "http://host?x=/y", Target{Scheme: "http", Host: "host", Query: "x=/y"})
	f("GET", "1http://x", Target{Path: "1http://x"})
	f("CONNECT", "host.example:443", Target{Host: "host.example", Port: 443})
	f("CONNECT", "[2001:db8::1]:443", Target{Host: "2001:db8::1", Port: 443})
	f("CONNECT", "/odd", Target{Path: "/odd"})
}

func TestSplitHost(t *testing.T) {
	f := func(in, host string, port int) {
		t.Helper()
		if h, p := SplitHost(in); h != host || p != port {
			t.Errorf("%s: got %q %d, want %q %d", in, h, p, host, port)
		}
	}
	f("a.example", "a.example", 0)
	f("a.example:8080", "a.example", 8080)
	f("a.example:", "a.example", 0)
	f("a.example:http", "a.example:http", 0)
	f("2001:db8::1", "2001:db8::1", 0)
	f("[2001:db8::1]", "2001:db8::1", 0)
	f("[2001:db8::1]:80", "2001:db8::1", 80)
	f(":80", "", 80)
	f("", "", 0)
}

func TestAppendDecoded(t *testing.T) {
	f := func(in string, plus bool, want string) {
		t.Helper()
		if got := string(AppendDecoded(nil, in, plus)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if Decodes(in, plus) != (in != want) {
			t.Errorf("%q: Decodes is %v", in, Decodes(in, plus))
		}
	}
	f("/a%20b%2Fc", false, "/a b/c")
	f("%2527", false, "%27")
	f("a+b", false, "a+b")
	f("a+b", true, "a b")
	f("100%", false, "100%")
	f("%zz%2", false, "%zz%2")
	f("%zz%41", false, "%zzA")
	f("%00%ff", false, "\x00\xff")
	f("%%32%65", false, "%2e")
	f("", true, "")
}

// FuzzDecode compares with net/url on what that accepts.
func FuzzDecode(f *testing.F) {
	f.Add("/a%20b%zz+%")
	f.Fuzz(func(t *testing.T, s string) {
		got := string(AppendDecoded(nil, s, true))
		if want, err := url.QueryUnescape(s); err == nil && got != want {
			t.Errorf("%q: got %q, net/url %q", s, got, want)
		}
		if !Decodes(s, false) && string(AppendDecoded(nil, s, false)) != s {
			t.Errorf("%q changes although nothing decodes", s)
		}
		for _, method := range []string{"GET", "CONNECT"} {
			p := SplitTarget(method, s)
			if !strings.Contains(s, p.Path) || !strings.Contains(s, p.Query) || !strings.Contains(s, p.Host) {
				t.Errorf("%q has parts that are not in it: %+v", s, p)
			}
		}
	})
}
