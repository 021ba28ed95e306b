package sigma

import (
	"fmt"
	"strings"
	"testing"
)

// TestPipelineCorrelationGraph applies a pipeline to correlations whose references
// have more ways through them than can be walked one by one.
func TestPipelineCorrelationGraph(t *testing.T) {
	p, err := ParsePipeline("p.yml", []byte(`
name: mark
transformations:
  - type: set_custom_attribute
    attribute: seen
    value: "yes"
    rule_conditions:
      - type: logsource
        category: test
`))
	if err != nil {
		t.Fatal(err)
	}
	f := func(name, text string, marked int) {
		t.Helper()
		var s Set
		s.Add(Parse("f.yml", []byte(text)))
		if len(s.Errors) > 0 {
			t.Fatal(s.Errors[0])
		}
		_, out, errs := p.Apply(s.Rules, s.Correlations)
		if len(errs) > 0 {
			t.Fatal(name, errs[0])
		}
		got := 0
		for _, c := range out {
			got += len(c.Custom)
		}
		if got != marked || len(out) != len(s.Correlations) {
			t.Errorf("%s: %d of %d correlations are marked, want %d", name, got, len(out), marked)
		}
	}
	twice := func(name, ref string) string {
		return correlation(name, fmt.Sprintf("type: temporal\nrules: [%s, %s]\ntimespan: 1m", ref, ref))
	}
	f("circle", base("a")+twice("A", "B")+twice("B", "A"), 0)
	f("circle of three above a rule", base("a")+twice("A", "B")+twice("B", "C")+
		correlation("C", "type: temporal\nrules: [A, A, a]\ntimespan: 1m"), 3)
	var chain strings.Builder
	chain.WriteString(base("a") + twice("n0", "a"))
	for i := range 60 {
		chain.WriteString(twice(fmt.Sprint("n", i+1), fmt.Sprint("n", i)))
	}
	f("chain of doubled references", chain.String(), 61)
}
