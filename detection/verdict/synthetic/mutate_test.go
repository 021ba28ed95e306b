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

func TestMutateRequestKeepsTheRest(t *testing.T) {
	r := &verdict.Request{URI: "/list?page=2&id=1%27+or+1%3D1+--+x", Headers: [][2]string{{"Host", "a.example"}}}
	out, changed := MutateRequest(r, 3)
	if !changed || out.URI == r.URI || out.URI[:14] != "/list?page=2&i" {
		t.Errorf("got %q, %v", out.URI, changed)
	}
	if again, _ := MutateRequest(r, 3); again.URI != out.URI {
		t.Errorf("the same seed gives %q and %q", out.URI, again.URI)
	}
	if _, changed := MutateRequest(&verdict.Request{URI: "/list?page=2&q=green+shoes"}, 3); changed {
		t.Error("a plain request is changed")
	}
}
