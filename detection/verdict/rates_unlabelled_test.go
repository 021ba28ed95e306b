package verdict

import (
	"slices"
	"testing"
)

// TestAddUnlabelled counts decisions at once as one by one.
func TestAddUnlabelled(t *testing.T) {
	var each, atOnce Rates
	for i := range 400 {
		d := Decided{Blocked: i%2 == 0, PAttack: float64(i%7) / 8, Truth: Legitimate, Probability: 0.5}
		if i%3 == 0 {
			d.Truth = Attack
		}
		other := Decided{Blocked: d.Blocked, PAttack: d.PAttack, Outside: i%50 == 0}
		for _, r := range []*Rates{&each, &atOnce} {
			if err := r.Add("a", d); err != nil {
				t.Fatal(err)
			}
		}
		for range 9 {
			if err := each.Add("a", other); err != nil {
				t.Fatal(err)
			}
		}
		if err := atOnce.AddUnlabelled("a", other, 9); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := atOnce.Estimates("a"), each.Estimates("a"); !slices.Equal(got, want) || !got[0].Enough || got[0].Decisions != 4000 {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, err := range []error{
		atOnce.AddUnlabelled("a", Decided{Truth: Attack}, 1), atOnce.AddUnlabelled("a", Decided{}, -1), atOnce.AddUnlabelled("a", Decided{PAttack: 2}, 1),
	} {
		if err == nil {
			t.Error("counted")
		}
	}
}
