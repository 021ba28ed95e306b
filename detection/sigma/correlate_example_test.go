package sigma_test

import (
	"fmt"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/sigma"
)

// Sign-ins that fail often and then succeed, in the names of Sigma's taxonomy,
// over events with names of ECS.
func ExampleCorrelator() {
	const rules = `
title: Sign-in fails
name: fails
logsource: {product: linux, service: sshd}
detection: {s: {outcome: failure}, condition: s}
---
title: Sign-in succeeds
name: succeeds
logsource: {product: linux, service: sshd}
detection: {s: {outcome: success}, condition: s}
---
title: Guessing
name: guessing
correlation: {type: event_count, rules: [fails], group-by: [src_ip], timespan: 10m, condition: {gte: 3}}
---
title: Password guessed
correlation: {type: temporal_ordered, rules: [guessing, succeeds], group-by: [src_ip], timespan: 10m}
`
	const pipeline = `
transformations:
- type: field_name_mapping
  mapping: {src_ip: source.ip, outcome: event.outcome}
`
	var set sigma.Set
	set.Add(sigma.Parse("rules.yml", []byte(rules)))
	p, err := sigma.ParsePipeline("pipeline.yml", []byte(pipeline))
	if err != nil {
		fmt.Println(err)
		return
	}
	built, errs := sigma.Build(&set, p, sigma.Options{})
	if len(errs) > 0 {
		fmt.Println(errs[0])
		return
	}
	matcher := built.Engine.NewMatcher()
	correlator := sigma.NewCorrelator(built.Links, sigma.CorrelatorConfig{})
	for second, outcome := range []string{"failure", "failure", "failure", "failure", "success"} {
		e := &event.Event{Time: int64(second+1) * 1e9}
		e.AddIP(event.SourceIP, "203.0.113.9")
		e.AddText(event.EventOutcome, outcome)
		correlator.Observe(e, matcher.Match(nil, e), func(f *sigma.Firing) {
			fmt.Println(second, f.Correlation.Title, f.Correlation.GroupBy, f.Values, f.Value)
		})
	}
	// Output: 4 Password guessed [source.ip] [203.0.113.9] 2
}
