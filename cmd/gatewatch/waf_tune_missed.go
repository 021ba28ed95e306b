package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
)

type tuneMissedFlags struct {
	remote
	selectionFlags
	traffic, labels, data, config, output string
	maxCost                               float64
	limit                                 int
}

func newTuneMissed() *cobra.Command {
	var f tuneMissedFlags
	cmd := &cobra.Command{
		Use:   "missed --server URL | --data DIR | --traffic FILE --labels FILE",
		Short: "Propose single rules of higher paranoia levels against missed attacks, with what they cost",
		Long: `Judges the attacks among allowed requests (those that a person labelled, or whose
verdict is sure) at paranoia level 4, and proposes the rules that would have blocked
them, each to block by itself while the paranoia level stays. All are replayed over
the site's own traffic: "catches" are the attacks that are blocked then, "blocks" the
legitimate requests that are blocked, too; a rule that costs more than --max-cost is
left out. "directive" is SecLang for a place before the Core Rule Set, in Coraza and
in ModSecurity. Where CRS has no answer the line says why.

A server keeps what it proposes: gatewatch waf tune list, show, apply, roll-back and
retire are for promotions as for exclusions. Otherwise nothing is changed.`,
		Example: `  gatewatch waf tune missed --traffic allowed.ndjson --labels reviewed.ndjson
  gatewatch waf tune missed --data ./gatewatch-data --from now-7d -o table
  gatewatch waf tune missed --server http://127.0.0.1:8080 -o table`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTuneMissed(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.traffic, "traffic", "", "requests of the sites, one JSON object a line")
	flags.StringVar(&f.labels, "labels", "", `what people say of them: {"id","label": "attack" or "legit"}`)
	flags.StringVar(&f.data, "data", "", "data folder whose kept requests are taken, instead of --traffic")
	flags.StringVar(&f.config, "config", "", "configuration file of the server, for its master key")
	flags.StringVar(&f.filter, "filter", "", "with --server and --data: which decisions, in the query language")
	addRemote(cmd, &f.remote)
	flags.Float64Var(&f.maxCost, "max-cost", 0.005, "largest share of the legitimate requests that a rule may block")
	flags.IntVar(&f.limit, "limit", 20, "rules of a site at most")
	f.add(cmd)
	addOutput(cmd, &f.output)
	return cmd
}

func runTuneMissed(cmd *cobra.Command, f *tuneMissedFlags) error {
	format, err := outputFormat(cmd.OutOrStdout(), f.output)
	if err != nil {
		return err
	}
	given := 0
	for _, is := range []bool{f.traffic != "", f.data != "", asksKept(cmd, f.traffic, f.data)} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return usagef("give one of --traffic, --server (or GATEWATCH_SERVER) and --data")
	case f.traffic == "" && f.labels != "":
		return usagef("--labels is for --traffic: elsewhere labels are those given to decisions")
	case f.maxCost <= 0 || f.maxCost > 1:
		return usagef("--max-cost: %g is not above 0 and at most 1", f.maxCost)
	case f.limit < 1:
		return usagef("--limit: %d is less than 1", f.limit)
	}
	if f.traffic == "" && f.data == "" {
		return runTuneMissedServer(cmd, f)
	}
	sterner, err := waf.CompileSterner()
	if err != nil {
		return err
	}
	defer func() { _ = sterner.Close() }() // the program ends
	stern := func(c *kept.Copy) ([]int, error) { return sterner.Rules(c, shadowLimit) }
	cfg := tuning.MissedConfig{MaxCost: f.maxCost, Limit: f.limit}
	var plan *tuning.MissedPlan
	if f.data != "" {
		plan, err = f.fromFolder(cmd, cfg, stern)
	} else {
		plan, err = f.fromFile(cmd, cfg, stern)
	}
	if err != nil {
		return err
	}
	warn(cmd, plan.Partial)
	fmt.Fprintf(cmd.ErrOrStderr(), "%d missed attacks and %d legitimate requests among those that were allowed\n", plan.Missed, plan.Legit)
	if left := plan.LeftOut.String(); left != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "allowed requests left out: %s\n", left)
	}
	return printMissed(cmd, format, plan)
}

// fromFolder takes the requests that a data folder holds, once its audit log tells of it.
func (f *tuneMissedFlags) fromFolder(cmd *cobra.Command, cfg tuning.MissedConfig, stern tuning.SternRules) (plan *tuning.MissedPlan, err error) {
	chosen, err := (&wafTuneFlags{selectionFlags: f.selectionFlags}).selection()
	if err != nil {
		return nil, err
	}
	s, err := (&queryFlags{data: f.data, config: f.config}).openLocal(cmd)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }() // only read
	err = auditAct(cmd, f.data, audit.ActRequests, "tune missed", map[string]string{
		"filter": f.filter, "from": leafTime(chosen.From), "to": leafTime(chosen.To),
	})
	if err != nil {
		return nil, err
	}
	db, err := state.Open(cmd.Context(), f.data, time.Now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	settings, err := loadSettings(f.config, f.data)
	if err != nil {
		return nil, err
	}
	desk, err := triage.New(triage.Options{Events: s, State: db, Now: time.Now})
	if err != nil {
		return nil, err
	}
	rules, first, err := rulesInUse(cmd.Context(), db)
	if err != nil {
		return nil, err
	}
	cfg.FirstID = first
	live := tuning.Live{Desk: desk, Copies: requestLibrary(s, &requestKeys{settings: &settings}), Rules: rules}
	return live.Missed(cmd.Context(), cfg, chosen, stern)
}

// fromFile takes the requests of a file that the rules let pass, all sites as one.
func (f *tuneMissedFlags) fromFile(cmd *cobra.Command, cfg tuning.MissedConfig, stern tuning.SternRules) (*tuning.MissedPlan, error) {
	labels, err := readLabels(cmd, f.labels)
	if err != nil {
		return nil, err
	}
	model, err := verdict.Default()
	if err != nil {
		return nil, err
	}
	compile := func(directives string) (*waf.Engine, error) { return waf.CompileWith(waf.CorpusSettings(), directives) }
	engine, err := compile("")
	if err != nil {
		return nil, err
	}
	defer func() { _ = engine.Close() }() // the program ends
	var all []tuning.Allowed
	err = eachRequest(cmd, f.traffic, func(q *verdict.Request) error {
		d, err := engine.JudgeRequest(cmd.Context(), q)
		if err != nil || d.Block {
			return err
		}
		p := 0.0
		if attack, ok := labels[q.ID]; !ok {
			p = model.Score(nil, verdict.Input{Request: q, Score: d.Score, Rules: d.Scoring, Matches: verdictMatches(d.Matches)}).PAttack
		} else if attack {
			p = 1
		}
		one := *q
		all = append(all, tuning.Allowed{
			ID: q.ID, Copy: &kept.Copy{ID: q.ID, BodyBytes: int64(len(q.Body)), Request: one}, Attack: p >= 0.9, Legit: p < tuning.Suspect, Weight: 1,
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tuning.Missed(cmd.Context(), cfg, "*", compile, stern, all)
}

// promotionLine is one line of output: a rule to promote, or an attack without an answer.
type promotionLine struct {
	Rule      int            `json:"rule,omitempty"`
	Directive string         `json:"directive,omitempty"`
	Site      string         `json:"site"`
	Catches   []string       `json:"catches,omitempty"`
	Blocks    []string       `json:"blocks,omitempty"`
	Cost      *[3]float64    `json:"cost,omitempty"` // estimate, lower and upper bound
	Evidence  []evidenceLine `json:"evidence,omitempty"`
	ID        string         `json:"id,omitempty"` // of the attack
	Why       string         `json:"unanswered,omitempty"`
}

func printMissed(cmd *cobra.Command, format string, plan *tuning.MissedPlan) error {
	lines := []promotionLine{}
	for _, p := range plan.Promotions {
		l := promotionLine{Rule: p.Rule, Directive: p.Directive, Site: p.Site, Catches: p.Catches, Blocks: p.Blocks, Cost: &[3]float64{p.Cost, p.CostLow, p.CostHigh}}
		for _, e := range p.Evidence {
			l.Evidence = append(l.Evidence, evidenceLine{e.Name, e.Weight, e.Detail})
		}
		lines = append(lines, l)
	}
	for _, u := range plan.Unanswered {
		lines = append(lines, promotionLine{ID: u.ID, Site: u.Site, Why: u.Why})
	}
	switch format {
	case outNDJSON:
		e := json.NewEncoder(cmd.OutOrStdout())
		for i := range lines {
			if err := e.Encode(&lines[i]); err != nil {
				return fmt.Errorf("write proposal: %w", err)
			}
		}
		return nil
	case outJSON:
		return json.NewEncoder(cmd.OutOrStdout()).Encode(lines)
	}
	t := newTable(bufio.NewWriter(cmd.OutOrStdout()), format, []string{"site", "rule", "catches", "blocks", "cost", "attack", "why"})
	for i := range lines {
		l := &lines[i]
		row := []string{l.Site, "", "", "", "", l.ID, l.Why}
		if l.Rule != 0 {
			row = []string{
				l.Site, strconv.Itoa(l.Rule), strconv.Itoa(len(l.Catches)), strconv.Itoa(len(l.Blocks)),
				fmt.Sprintf("%.2f %% (%.2f to %.2f %%)", 100*l.Cost[0], 100*l.Cost[1], 100*l.Cost[2]), "", l.Evidence[0].Detail,
			}
		}
		if err := t.Write(row); err != nil {
			return err
		}
	}
	return t.Close()
}
