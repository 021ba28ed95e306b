package synthetic

import (
	"math/rand/v2"
	"testing"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

func TestEveryMutatorChangesSomething(t *testing.T) {
	for i, mutate := range Mutators {
		changed := false
		for seed := range uint64(50) {
			rng := rand.New(rand.NewPCG(seed, 1))
			const injection = "1' or 7=7 and 3 in (select 3) /*x*/ -- "
			changed = changed || mutate(rng, injection) != injection
		}
		if !changed {
			t.Errorf("mutator %d changes nothing", i)
		}
	}
}

func TestEveryRewritingKeepsTheRest(t *testing.T) {
	for _, how := range Rewritings {
		r := &verdict.Request{URI: "/list?page=2&id=1%27+or+%27admin%27%3D%27admin%27%3B+id+--+x", Headers: [][2]string{{"Host", "a.example"}}}
		out, changed := RewriteRequest(r, how, 3)
		if !changed || out.URI == r.URI || out.URI[:14] != "/list?page=2&i" {
			t.Errorf("%s: got %q, %v", how.Name, out.URI, changed)
		}
		if again, _ := RewriteRequest(r, how, 3); again.URI != out.URI {
			t.Errorf("%s: the same seed gives %q and %q", how.Name, out.URI, again.URI)
		}
		if _, changed := RewriteRequest(&verdict.Request{URI: "/list?page=2&q=green+shoes"}, how, 3); changed {
			t.Errorf("%s: a plain request is changed", how.Name)
		}
	}
}
