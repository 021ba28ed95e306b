package tuning

import "testing"

// TestCovers compares directives by their place and by what they do.
func TestCovers(t *testing.T) {
	p := &place{site: "shop", path: "/post", hosts: []string{"shop.example"}, exact: "/post"}
	other := *p
	other.exact = "/save"
	of := func(id int, p *place, rules ...int) string {
		s := &set{}
		for _, r := range rules {
			s.changes = append(s.changes, change{kind: removeTarget, rule: r, target: "ARGS:text"})
		}
		return directive(id, p, s, nil)
	}
	f := func(a, b string, want bool) {
		t.Helper()
		if got := Covers(a, b); got != want {
			t.Errorf("%v, want %v, of\n%s%s", got, want, a, b)
		}
	}
	f(of(1, p, 941100, 941110, 941160), of(2, p, 941100, 941160), true)
	f(of(1, p, 941100, 941160), of(2, p, 941100, 941110, 941160), false)
	f(of(1, p, 941100), of(2, p, 941100), true)
	f(of(1, p, 941100), of(2, p, 941110), false)
	f(of(1, p, 941100, 941110), of(2, &other, 941100), false)
	f("SecRule ARGS \"@rx x\" \"id:1,phase:2,block\"\n", "SecRule ARGS \"@rx x\" \"id:2,phase:2,block\"\n", true)
	f("SecRule ARGS \"@rx x\" \"id:1,phase:2,block\"\n", "SecRule ARGS \"@rx y\" \"id:2,phase:2,block\"\n", false)
}
