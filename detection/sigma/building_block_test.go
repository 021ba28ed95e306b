package sigma

import (
	"slices"
	"testing"
)

// TestBuildingBlock holds that a building block is silent, whatever refers to it.
func TestBuildingBlock(t *testing.T) {
	rule := func(name, field string) string {
		return "title: " + name + "\nname: " + name + "\nlogsource: {category: c}\ndetection: {s: {F: 1}, condition: s}\n" + field + "\n---\n"
	}
	var s Set
	s.Add(Parse("f.yml", []byte(rule("alone", "x-building-block: true")+rule("generated", "x-building-block: true")+
		rule("no", "x-building-block: false")+rule("wrong", "x-building-block: [true]")+
		"title: C\ncorrelation: {type: event_count, rules: [generated], timespan: 1m, condition: {gte: 2}, generate: true}\n")))
	built, errs := Build(&s, nil, Options{})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got []bool
	for i := range built.Engine.Rules() {
		got = append(got, built.Links.Silent(i))
	}
	if want := []bool{true, true, false, false}; !slices.Equal(got, want) {
		t.Errorf("silent are %v, want %v", got, want)
	}
}
