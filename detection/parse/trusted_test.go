package parse

import (
	"net/netip"
	"strings"
	"testing"
)

func TestTrustedClient(t *testing.T) {
	trusted, err := NewTrusted([]string{"10.0.0.0/8", "192.0.2.1", "2001:db8:f::/48", "::ffff:172.16.0.0/108"})
	if err != nil {
		t.Fatal(err)
	}
	f := func(peer, forwarded, want string) {
		t.Helper()
		if got := trusted.Client(netip.MustParseAddr(peer), forwarded).String(); got != want {
			t.Errorf("%s from %q: got %s, want %s", peer, forwarded, got, want)
		}
	}
	f("203.0.113.9", "198.51.100.7", "203.0.113.9") // an untrusted peer claims
	f("203.0.113.9", "", "203.0.113.9")
	f("10.0.0.1", "", "10.0.0.1")
	f("10.0.0.1", "198.51.100.7", "198.51.100.7")
	f("10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7") // the client invented the first
	f("10.0.0.1", "198.51.100.7, 192.0.2.1,10.9.9.9", "198.51.100.7")
	f("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3") // all trusted: the farthest
	f("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1")
	f("10.0.0.1", "198.51.100.7, _hidden, 10.0.0.2", "10.0.0.2")
	f("10.0.0.1", "198.51.100.7:4711", "198.51.100.7")
	f("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1")
	f("10.0.0.1", "[2001:db8::1]", "2001:db8::1")
	f("2001:db8:f::1%eth0", "2001:db8::1", "2001:db8::1")
	f("::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7")
	f("172.16.5.5", "198.51.100.7", "198.51.100.7")
	f("10.0.0.1", ",,,", "10.0.0.1")
	f("10.0.0.1", strings.Repeat("10.0.0.2,", 1000)+"10.0.0.3", "10.0.0.2") // bounded walk

	var nobody *Trusted
	if got := nobody.Client(netip.MustParseAddr("10.0.0.1"), "198.51.100.7"); got.String() != "10.0.0.1" {
		t.Errorf("an empty list trusts %s", got)
	}
}

func TestNewTrustedErrors(t *testing.T) {
	for _, s := range []string{"", "10.0.0.0/33", "proxy.example", "10.0.0.1-10.0.0.9"} {
		if _, err := NewTrusted([]string{s}); err == nil || !strings.Contains(err.Error(), "10.0.0.0/8") {
			t.Errorf("%q: error %v does not show the form", s, err)
		}
	}
}

func TestForwardedFor(t *testing.T) {
	f := func(header, want string) {
		t.Helper()
		if got := ForwardedFor(header); got != want {
			t.Errorf("%s\n got %q\nwant %q", header, got, want)
		}
	}
	f(`for=192.0.2.60;proto=http;by=203.0.113.43`, `192.0.2.60`)
	f(`For="[2001:db8:cafe::17]:4711", for=192.0.2.1`, `[2001:db8:cafe::17]:4711,192.0.2.1`)
	f(`for=unknown, for=_secret`, `unknown,_secret`)
	f(`proto=https, for=192.0.2.1`, `unknown,192.0.2.1`)
	f(`for="1.2.3.4, 5.6.7.8", for=192.0.2.1`, `1.2.3.4 5.6.7.8,192.0.2.1`) // a quoted comma is no hop
	f(`for="a\", for=9.9.9.9", for=192.0.2.1`, `a\" for=9.9.9.9,192.0.2.1`)
	f(``, `unknown`)
}

// TestAgreed: of two headers that name different clients the sender may have
// written one.
func TestAgreed(t *testing.T) {
	trusted, err := NewTrusted([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	f := func(peer, forwardedFor, forwarded, want string, wantOK bool) {
		t.Helper()
		got, ok := trusted.Agreed(netip.MustParseAddr(peer), forwardedFor, forwarded)
		if got.String() != want || ok != wantOK {
			t.Errorf("%s, %q, %q: %s, %t; want %s, %t", peer, forwardedFor, forwarded, got, ok, want, wantOK)
		}
	}
	f("10.0.0.1", "", "", "10.0.0.1", true)
	f("10.0.0.1", "198.51.100.7", "", "198.51.100.7", true)
	f("10.0.0.1", "", "for=198.51.100.7", "198.51.100.7", true)
	f("10.0.0.1", "203.0.113.5, 198.51.100.7, 10.0.0.2", `for="198.51.100.7:4711", for=10.0.0.2`, "198.51.100.7", true)
	f("10.0.0.1", "192.0.2.1", "for=198.51.100.7", "10.0.0.1", false)
	f("10.0.0.1", "198.51.100.7", "for=_hidden", "10.0.0.1", false)
	f("10.0.0.1", "unknown", "for=198.51.100.7", "10.0.0.1", false)
	f("203.0.113.9", "192.0.2.1", "for=198.51.100.7", "203.0.113.9", true)
}

// FuzzTrusted checks that no header makes a client of an address that it does
// not hold, nor anything of the word of an untrusted peer.
func FuzzTrusted(f *testing.F) {
	f.Add("198.51.100.7, 10.0.0.2", false)
	f.Add(`for="[2001:db8::1]:80";by=x, for=10.0.0.2`, true)
	f.Add(`for="\"`, true)
	trusted, err := NewTrusted([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string, forwarded bool) {
		if forwarded {
			header = ForwardedFor(header)
		}
		outside := netip.MustParseAddr("203.0.113.9")
		if got := trusted.Client(outside, header); got != outside {
			t.Fatalf("the word of %s was taken: %s", outside, got)
		}
		peer := netip.MustParseAddr("10.0.0.1")
		got := trusted.Client(peer, header)
		if got == peer {
			return
		}
		for hop := range strings.SplitSeq(header, ",") {
			if a, ok := hopAddr(strings.TrimSpace(hop)); ok && a == got {
				return
			}
		}
		t.Fatalf("%s is not in %q", got, header)
	})
}
