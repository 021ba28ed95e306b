package waf

import (
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// TestLevels compares grades with engines that are compiled for each point.
func TestLevels(t *testing.T) {
	levels, err := CompileLevels(CorpusSettings())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := levels.Close(); err != nil {
			t.Error(err)
		}
	}()
	headers := [][2]string{{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}}
	typed := append(headers[:3:3], [2]string{"Content-Type", "application/json"}, [2]string{"Content-Length", "9"})
	requests := []*verdict.Request{
		{ID: "plain", Method: "GET", URI: "/a?b=1", Headers: headers},
		{ID: "injection", Method: "GET", URI: "/a?q=1%27+OR+%271%27=%271+UNION+SELECT+password+FROM+users--", Headers: headers},
		{ID: "template", Method: "GET", URI: "/p?name=%7B%7B7*7%7D%7D", Headers: headers},
		{ID: "quotes", Method: "GET", URI: "/p?name=o%27neill+%26+%22sons%22+%28ltd%29%3B", Headers: headers},
		{ID: "no agent", Method: "GET", URI: "/a", Headers: headers[:1]},
		{ID: "broken body", Method: "POST", URI: "/a", Headers: typed, Body: []byte(`{"a":{"b:`)},
	}
	grades := make([]Graded, len(requests))
	for i, r := range requests {
		r.Proto = "HTTP/1.1"
		if grades[i], err = levels.Judge(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	blocked, denied := 0, 0
	for paranoia := 1; paranoia <= MaxParanoia; paranoia++ {
		for _, threshold := range []int{1, 5, 10, 20} {
			s := CorpusSettings()
			s.Paranoia, s.InboundThreshold = paranoia, threshold
			engine, err := Compile(s)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range requests {
				d, err := engine.JudgeRequest(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				g := &grades[i]
				if got := g.Blocks(paranoia, threshold); got != d.Block || g.Scores[paranoia-1] != d.Score {
					t.Errorf("%s at level %d, threshold %d: blocked %v with score %d, want %v with %d",
						r.ID, paranoia, threshold, got, g.Scores[paranoia-1], d.Block, d.Score)
				}
				if d.Block {
					blocked++
				}
				if g.Denied[paranoia-1] {
					denied++
				}
				if paranoia == 1 && threshold == 5 && d.Block != g.Own.Block {
					t.Errorf("%s: %+v, want %+v", r.ID, g.Own, d)
				}
			}
			if err := engine.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if all := 4 * MaxParanoia * len(requests); blocked == 0 || blocked == all || denied == 0 || grades[2].Scores[0] == grades[2].Scores[1] {
		t.Errorf("%d of %d blocked, %d denied, grades of the template %+v: the requests test nothing", blocked, all, denied, grades[2].Grades)
	}
}
