package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"text/tabwriter"
)

// comparison runs both engines in turn on every workload.
type comparison struct {
	other, rules, webRules, mix, web, process string
	runs                                      int
}

func (c comparison) run(w io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	webRules := c.webRules
	if webRules == "" {
		webRules = c.rules
	}
	works := []struct {
		name string
		goal float64
		work
	}{
		{"mix, all rules", 3, work{Rules: c.rules, Events: c.mix, Mode: "all"}},
		{"mix, logsource", 2, work{Rules: c.rules, Events: c.mix, Mode: "logsource"}},
		{"process, logsource", 1.7, work{Rules: c.rules, Events: c.process, Mode: "logsource"}},
		{"web rules only", 4, work{Rules: webRules, Events: c.web, Mode: "all"}},
		{"mix, from bytes, logsource", 2, work{Rules: c.rules, Events: c.mix, Mode: "bytes"}},
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "workload\trsigma ev/s\tgatewatch ev/s\tratio\tgoal\thits\thits\t")
	for _, x := range works {
		var ours, theirs result
		for range c.runs {
			for _, e := range []struct {
				bin  []string
				best *result
			}{{[]string{self, "run"}, &ours}, {[]string{c.other}, &theirs}} {
				r, err := measure(e.bin, x.work)
				if err != nil {
					return fmt.Errorf("measure %s: %w", x.name, err)
				}
				if r.Rate > e.best.Rate {
					*e.best = r
				}
			}
		}
		fmt.Fprintf(out, "%s\t%.0f\t%.0f\t%.2f\t%.1f\t%d\t%d\t\n", x.name, theirs.Rate, ours.Rate, ours.Rate/theirs.Rate, x.goal, theirs.Hits, ours.Hits)
	}
	return out.Flush()
}

func measure(bin []string, w work) (r result, err error) {
	args := append(bin[1:], "-rules", w.Rules, "-events", w.Events, "-mode", w.Mode)
	cmd := exec.Command(bin[0], args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(out, &r)
}
