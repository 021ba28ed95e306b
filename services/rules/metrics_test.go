package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// TestMetrics: what is in use, what was rejected and why, what failed, and what each
// rule matched; a rule that is no more has no count.
func TestMetrics(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/admin.yml", admin)
	write(t, dir+"/again.yml", admin)
	write(t, dir+"/burst.yml", strings.Replace(burst, "gte: 3", "gte: 2", 1))
	write(t, dir+"/orphan.yml", "title: O\nid: o\ncorrelation: {type: event_count, rules: [gone], timespan: 1m, condition: {gte: 2}}\n")
	write(t, dir+"/broken.yml", "title: Broken\n")
	w := newWorld(t, Config{Dirs: []string{dir}}, nil)
	registry := prometheus.NewRegistry()
	w.keeper.metrics = newMetrics(registry)
	want := func(text string) {
		t.Helper()
		var lines []string
		for _, line := range gathered(t, registry) {
			name, _, _ := strings.Cut(strings.Fields(line)[0], "{")
			if strings.Contains(text, name+"{") || strings.Contains(text, name+" ") {
				lines = append(lines, line)
			}
		}
		if diff := cmp.Diff(strings.Split(strings.TrimSpace(text), "\n"), lines); diff != "" {
			t.Error(diff)
		}
	}
	w.refresh()
	w.send("/admin/1", "/admin/2", "/admin/3", "/other")
	w.run()
	w.keeper.count()
	want(`gatewatch_rule_matches_total{rule="11111111-1111-4111-8111-111111111111"} 3
gatewatch_rule_matches_total{rule="22222222-2222-4222-8222-222222222222"} 1
gatewatch_rules{kind="correlation"} 1
gatewatch_rules{kind="rule"} 1
gatewatch_rules_rejected{reason="duplicate"} 1
gatewatch_rules_rejected{reason="invalid"} 1
gatewatch_rules_rejected{reason="reference"} 1
gatewatch_rules_rejected{reason="unreadable"} 0
gatewatch_rules_reload_failures_total 0
gatewatch_rules_stale 0
`)
	w.keeper.Configure(Config{Dirs: []string{dir}, Overlay: dir + "/gone"})
	if _, err := w.keeper.Refresh(t.Context()); err == nil {
		t.Error("an overlay that is not there is used")
	}
	want("gatewatch_rules_reload_failures_total 1\ngatewatch_rules_stale 1\n")
	write(t, dir+"/overlay.txt", "disable: [Many admin pages]\n")
	w.keeper.Configure(Config{Dirs: []string{dir}, Overlay: dir + "/overlay.txt"})
	w.refresh()
	w.send("/admin/4")
	w.run()
	w.keeper.count()
	// The pipeline was made anew without saved state and began with the first record.
	want(`gatewatch_rule_matches_total{rule="11111111-1111-4111-8111-111111111111"} 7
gatewatch_rules_stale 0
`)
}

// gathered returns the metrics as lines of name, label and value.
func gathered(t *testing.T, registry *prometheus.Registry) (lines []string) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			line := f.GetName()
			for _, l := range m.GetLabel() {
				line += fmt.Sprintf("{%s=%q}", l.GetName(), l.GetValue())
			}
			lines = append(lines, fmt.Sprint(line, " ", m.GetCounter().GetValue()+m.GetGauge().GetValue()))
		}
	}
	return lines
}
