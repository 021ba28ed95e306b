package sigma

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestWarnings(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		for _, d := range Parse("a.yml", []byte(text)).Documents {
			if d.Err != nil {
				t.Fatal(d.Err)
			}
			for _, w := range d.Warnings() {
				got = append(got, w.Error())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	const head = "title: T\nid: i\nlogsource: {category: webserver}\ndetection:\n"
	f(head + "  sel: {A: 1}\n  _hidden: {A: 2}\n  condition: all of them and _hidden\n")
	f(head+"  sel: {A: 1}\n  rest: {A: 2}\n  condition: sel\n", `a.yml:6:3: no condition uses "rest"`)
	f(head+"  sel:\n    A: 1\n    B: []\n  condition: sel\n", `a.yml:7:5: "B" has an empty list: it holds where the field is absent`)
	f("title: T\nlogsource: {product: windows, category: process_creation}\ndetection: {sel: {A: 1}, condition: sel}\n",
		`a.yml:1:1: document has no id: findings call it "T"`,
		`a.yml:1:1: no input of ours gives events of this logsource (category: process_creation, product: windows); only events that name it in their own product, category and service reach the rule`)
	for _, l := range []string{"{category: application}", "{product: linux, service: sshd}", "{product: nginx}", "{service: cron}", "{category: waf}"} {
		f("title: T\nid: i\nlogsource: " + l + "\ndetection: {sel: {A: 1}, condition: sel}\n")
	}
	const count = "title: C\nid: c\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 1m\n"
	f(count + "  condition: {gte: 2}\n")
	f(count+"  condition: {gt: -3}\n", `a.yml:7:3: a count is compared with -3, and is never less than 0`, `a.yml:7:3: condition holds for each single event`)
	f(count+"  condition: {gte: 2.5}\n", `a.yml:7:3: a count is compared with 2.5, which is no whole number`)
}

// TestParseFilter: a filter inside of another file has the places of that file.
func TestParseFilter(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var root yaml.Node
		if err := yaml.Unmarshal([]byte("filters:\n- "+text), &root); err != nil {
			t.Fatal(err)
		}
		d := ParseFilter("o.yml", root.Content[0].Content[1].Content[0])
		switch {
		case want == "" && d.Filter == nil:
			t.Errorf("%s: %v", text, d.Err)
		case want != "" && (d.Err == nil || d.Err.Error() != want):
			t.Errorf("have %v, want %s", d.Err, want)
		}
	}
	f("{title: f, logsource: {category: c}, filter: {rules: any, s: {A: 1}, condition: not s}}", "")
	f("{title: f, logsource: {category: c}, filter: {rules: any, s: {A|foo: 1}, condition: not s}}", `o.yml:2:65: unknown modifier "foo"`)
	f("{title: f}", "o.yml:2:3: filter document has no filter section")
	f("text", "o.yml:2:3: filter must be a mapping")
}

// TestHushes: who silences whom, unless the silent one says it itself.
func TestHushes(t *testing.T) {
	s, links := correlations(t, base("a")+base("b")+base("c")+
		correlation("X", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2}")+
		correlation("Y", "type: event_count\nrules: [b]\ngenerate: true\ntimespan: 1m\ncondition: {gte: 2}")+
		correlation("Z", "type: temporal\nrules: [X, c]\ntimespan: 1m"))
	s.Rules[2].Hushed = true
	var got []string
	for h := range links.Hushes(s.Rules) {
		got = append(got, h.Correlation.Name+" "+h.Ref.Name+" "+h.Header.Name)
	}
	if diff := cmp.Diff([]string{"X a a", "Z X X"}, got); diff != "" {
		t.Error(diff)
	}
	if !links.SilentCorrelation(0) || links.SilentCorrelation(2) {
		t.Error("the wrong correlations are silent")
	}
	for rule, corr := range links.Referred(2) {
		got = append(got[:0], string(rune('0'+rule+1))+string(rune('0'+corr+1)))
		break
	}
	if got[0] != "01" {
		t.Errorf("Z refers to %v first", got)
	}
}
