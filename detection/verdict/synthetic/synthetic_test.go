package synthetic

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestsAreTheSameEachTime(t *testing.T) {
	a, b := Requests(300, 7), Requests(300, 7)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("second run differs:\n%s", diff)
	}
	other := Requests(300, 8)
	if cmp.Equal(a, other) {
		t.Error("another seed gives the same requests")
	}
}

func TestRequestsAreWhole(t *testing.T) {
	classes := map[string]int{}
	attacks := 0
	all := Requests(6000, 1)
	for _, r := range all {
		classes[r.Class]++
		if r.Attack {
			attacks++
		}
		text := r.URI + string(r.Body)
		for _, h := range r.Headers {
			text += h[1]
		}
		if strings.ContainsAny(text, "\x01\x02\x03‹›") {
			t.Fatalf("unfilled slot in %q", text)
		}
		if strings.ContainsAny(r.URI, " \r\n") {
			t.Errorf("white space in %q", r.URI)
		}
		if !r.Labeled || r.ID == "" || r.Source != Source || bytes.Contains(r.Body, []byte("%!")) {
			t.Errorf("incomplete request %+v", r)
		}
	}
	if asked := len(all) * 10 / 11; attacks*3 < asked-3 || attacks*3 > asked+3 {
		t.Errorf("%d of %d are attacks, want a third", attacks, asked)
	}
	for i := range grammars {
		if classes[grammars[i].class] == 0 {
			t.Errorf("no request of class %s", grammars[i].class)
		}
	}
}
