package verdict

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// query is a request with one parameter, blocked by a rule that matched it if
// rule is not 0.
func query(site, value string, rule int) Input {
	in := Input{Request: &Request{Site: site, Method: "GET", URI: "/search?q=" + url.QueryEscape(value)}}
	if rule != 0 {
		in.Block, in.Score, in.Rules = true, 5, []int{rule}
		in.Matches = []Match{{Rule: rule, Variable: "ARGS:q"}}
	}
	return in
}

const usualText = "select a color from our list, or don't"

// taught is a profile of n requests, of which those that usual picks hold text
// that a rule takes for SQL.
func taught(m *Model, n int, usual func(i int) bool) *Profile {
	p := NewProfile(m)
	for i := range n {
		in := query("shop.example", fmt.Sprintf("shoe %d", i), 0)
		if usual(i) {
			in = query("shop.example", fmt.Sprintf("%s %d", usualText, i), 942130)
		}
		p.Add(&in)
	}
	return p
}

func TestHistoryExcusesWhatIsUsual(t *testing.T) {
	m := shippedModel(t)
	in := query("shop.example", usualText, 942130)
	without := m.Score(nil, in).PAttack
	in.History = taught(m, 200, func(i int) bool { return i%3 == 0 })
	with := m.Score(nil, in)
	if with.PAttack > without*0.7 {
		t.Errorf("p_attack is %.4f with history and %.4f without", with.PAttack, without)
	}
	if len(with.Evidence) == 0 || !hasEvidence(with, "history") {
		t.Errorf("no evidence of history in %v", with.Evidence)
	}
}

func hasEvidence(v Verdict, name string) bool {
	for _, e := range v.Evidence {
		if e.Name == name {
			return true
		}
	}
	return false
}

// Whoever sends many such requests at a time teaches nothing by it.
func TestABurstTeachesNothing(t *testing.T) {
	m := shippedModel(t)
	in := query("shop.example", usualText, 942130)
	without := m.Score(nil, in).PAttack
	in.History = taught(m, 400, func(i int) bool { return i >= 250 && i < 390 })
	if with := m.Score(nil, in).PAttack; with < without-1e-9 {
		t.Errorf("p_attack is %.4f after a burst and %.4f without history", with, without)
	}
}

func TestHistoryDoesNotExcuseClearAttacks(t *testing.T) {
	m := shippedModel(t)
	const attack = "1' union all select user,password from users where 'a'='a'-- -"
	in := query("shop.example", attack, 942100)
	p := NewProfile(m)
	for i := range 200 {
		h := query("shop.example", fmt.Sprintf("%d%s", i, attack), 942100)
		p.Add(&h)
	}
	in.History = p
	if v := m.Score(nil, in); v.PAttack < 0.5 {
		t.Errorf("p_attack of a clear attack is %.3f: %v", v.PAttack, v.Evidence)
	}
}

func TestOtherSitesSayNothing(t *testing.T) {
	m := shippedModel(t)
	in := query("other.example", usualText, 942130)
	want := m.Score(nil, in)
	in.History = taught(m, 200, func(i int) bool { return i%2 == 0 })
	if diff := cmp.Diff(want, m.Score(nil, in)); diff != "" {
		t.Errorf("history of another site (-without +with):\n%s", diff)
	}
}

func TestCoursesAreBounded(t *testing.T) {
	var c course
	for i := range 100000 {
		c.add(float32(i), i)
	}
	if c.n != 100000 || len(c.margins) > maxCourse || len(c.margins) < maxCourse/2 {
		t.Fatalf("%d values, %d kept", c.n, len(c.margins))
	}
	for i := 1; i < len(c.at); i++ {
		if c.at[i]-c.at[i-1] != int32(c.stride) {
			t.Fatalf("values %d and %d are kept at a stride of %d", c.at[i-1], c.at[i], c.stride)
		}
	}
}
