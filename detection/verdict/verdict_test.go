package verdict

import (
	"bytes"
	"testing"
)

// look takes a request apart and returns what is found in its leaves.
func look(t *testing.T, r *Request) map[shape]int {
	t.Helper()
	var a anatomy
	var f finder
	a.dissect(&Input{Request: r})
	out := map[shape]int{}
	for i := range a.leaves {
		f.find(&a.leaves[i], lex(nil, a.leaves[i].value))
		for s, n := range f.found {
			out[shape(s)] += int(n)
		}
	}
	return out
}

func TestIndexAgreesWithPlainSearch(t *testing.T) {
	f := func(value, lower string) {
		t.Helper()
		fi := finder{s: []byte(value)}
		fi.pair()
		want := bytes.Index(bytes.ToLower([]byte(value)), []byte(lower))
		if got := fi.index(lower); got != want {
			t.Errorf("index(%q, %q) = %d, want %d", value, lower, got, want)
		}
	}
	f("", "a")
	f("JavaScript:x", "javascript:")
	f("xxJAVAjavascript:", "javascript:")
	f("a.b", "..")
	f("....", "..")
	f("/ETC/passwd", "/etc/")
}
