package waf

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
)

func TestSterner(t *testing.T) {
	s, err := CompileSterner()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rules := func(uri string) []int {
		t.Helper()
		ids, err := s.Rules(&kept.Copy{ID: "r", Request: verdict.Request{
			Method: "GET", URI: uri, Proto: "HTTP/1.1",
			Headers: [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}},
		}}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
			t.Errorf("%s: %v is not a sorted set", uri, ids)
		}
		for _, id := range ids {
			if isFlow(id) || id == 942100 {
				t.Errorf("%s: %d is none of the levels above 1", uri, id)
			}
		}
		return ids
	}
	if ids := rules("/"); len(ids) > 0 {
		t.Errorf("rules %v match a plain request", ids)
	}
	if ids := rules("/fetch?url=http://0x7f000001/x"); !slices.Contains(ids, 934120) {
		t.Errorf("rules %v: 934120 is missing", ids)
	}
	if ids := rules("/fetch?url=http://other.example/x"); !slices.Contains(ids, 931130) { // scores in the last rule of its chain
		t.Errorf("rules %v: 931130 is missing", ids)
	}
	// What would be blocked is judged to the end, and many matches hide none.
	var long strings.Builder
	for i := range 200 {
		long.WriteString("&a" + strconv.Itoa(i) + "=%3C%27%28")
	}
	if ids := rules("/?q=1%27%20union%20select%20a%20from%20b--" + long.String() + "&url=http://0x7f000001/x"); !slices.Contains(ids, 934120) {
		t.Errorf("rules %v: 934120 is missing", ids)
	}
	_, err = s.Rules(&kept.Copy{Request: verdict.Request{Method: "GET", URI: "/", Proto: "HTTP/1.1"}}, -time.Second)
	if !errors.Is(err, errTime) {
		t.Errorf("a request without time: %v", err)
	}
}
