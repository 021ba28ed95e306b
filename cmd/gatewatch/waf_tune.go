package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
)

type wafTuneFlags struct {
	remote
	selectionFlags
	data      string
	config    string
	group     string
	suspect   float64
	traffic   string
	labels    string
	guard     string
	scope     string
	limit     int
	guardLoss float64
	output    string
}

func newWAFTune() *cobra.Command {
	var f wafTuneFlags
	cmd := &cobra.Command{
		Use:   "tune --traffic FILE | --server URL | --data DIR",
		Short: "Propose the narrowest changes that let wrongly blocked requests pass",
		Long: `Evaluates Coraza and the Core Rule Set at paranoia 1 and threshold 5 over
requests, takes the blocked ones that a person labelled legitimate, or that are
none by their verdict, and proposes changes in the order in which they help most:
allow a content type or a method, take one target out of one rule, or switch one
rule off, on one path of one site (or on a whole site: --scope site). Each one is
compiled and the requests that it concerns are judged again before it is printed.

"directive" is SecLang for a place before the Core Rule Set. "unblocks" are the
requests that pass then, "guard_lost" the attacks of --guard; both count with all
proposals before it in place. "modsecurity" is there where ModSecurity needs other
text. Nothing is changed by this command.

With --server or --data the requests are those that WAF nodes have kept, wrongly blocked by
their labels or, where there is none, by their verdicts (--suspect), and judged by
the rules that are in use. Kept attacks, by a label or a verdict that is sure, must
stay blocked as those of --guard; other suspects are listed as released. Copies that
masking has made another request of are left out and counted. To read kept requests
is written into the audit log. A server keeps its proposals: the commands below list
them, and apply them to the nodes.`,
		Example: `  gatewatch waf tune --traffic yesterday.ndjson.gz --guard attacks.ndjson
  gatewatch waf tune --traffic shop.ndjson --labels reviewed.ndjson --scope site -o table
  gatewatch waf tune --server http://127.0.0.1:8080 --from now-1d --filter 'waf.site: shop'
  gatewatch waf tune apply 9950001 --stage canary --share 10 --expires now+90d`,
		Annotations: map[string]string{doesItself: "proposes"},
		Args:        cobra.NoArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return runWAFTune(cmd, f) },
	}
	cmd.Flags().StringVar(&f.traffic, "traffic", "", "requests of the sites, one JSON object a line")
	cmd.Flags().StringVar(&f.labels, "labels", "", `what people say of some of them: {"id","label"}, attack or legit, or as waf decisions --labelled -o ndjson lists them`)
	cmd.Flags().StringVar(&f.guard, "guard", "", "attacks that must stay blocked")
	cmd.Flags().StringVar(&f.scope, "scope", string(tuning.Path), "how wide a change may be: path or site")
	cmd.Flags().IntVar(&f.limit, "limit", 100, "proposals at most")
	cmd.Flags().Float64Var(&f.guardLoss, "guard-loss", tuning.GuardLoss, "share of the guard's blocked attacks that all proposals together may let through")
	cmd.Flags().Float64Var(&f.suspect, "suspect", tuning.Suspect, "probability of an attack below which a block is taken for a false positive")
	cmd.Flags().StringVar(&f.data, "data", "", "data folder whose kept requests are taken, instead of --server or --traffic")
	cmd.Flags().StringVar(&f.config, "config", "", "configuration file of the server, for its master key")
	cmd.Flags().StringVar(&f.group, "group", "", "with --server or --data: only the group of the decision with this id")
	cmd.Flags().StringVar(&f.filter, "filter", "", "with --server or --data: which decisions, in the query language")
	f.add(cmd)
	addRemote(cmd, &f.remote)
	addOutput(cmd, &f.output)
	cmd.AddCommand(newTuneList(), newTuneShow(), newTuneApply(), newTuneRetire(), newTuneRollBack(), newTuneMissed())
	return cmd
}

func (f *wafTuneFlags) validate(cmd *cobra.Command) error {
	given := 0
	for _, is := range []bool{f.traffic != "", f.data != "", asksKept(cmd, f.traffic, f.data)} {
		if is {
			given++
		}
	}
	for _, name := range []string{"from", "to", "filter", "group"} {
		if f.traffic != "" && cmd.Flags().Changed(name) {
			return usagef("--%s is for --server and --data", name)
		}
	}
	switch {
	case given == 0:
		return usagef("--traffic is needed: requests, one JSON object a line; or --server (or GATEWATCH_SERVER) or --data for those that nodes have kept")
	case given > 1:
		return usagef("give one of --traffic, --server and --data")
	case f.traffic == "" && f.labels != "":
		return usagef("--labels is for --traffic: elsewhere labels are those given to decisions")
	case f.scope != string(tuning.Path) && f.scope != string(tuning.Site):
		return usagef("--scope: %q is neither path nor site", f.scope)
	case f.limit < 1:
		return usagef("--limit: %d is less than 1", f.limit)
	case f.guardLoss < 0 || f.guardLoss > 1:
		return usagef("--guard-loss: %g is not between 0 and 1", f.guardLoss)
	case f.suspect <= 0 || f.suspect > 1:
		return usagef("--suspect: %g is not above 0 and at most 1", f.suspect)
	}
	return nil
}

// planned is how proposals are looked for.
func (f *wafTuneFlags) planned() tuning.Config {
	return tuning.Config{Scope: tuning.Scope(f.scope), Limit: f.limit, GuardLoss: f.guardLoss, Suspect: f.suspect}
}

func runWAFTune(cmd *cobra.Command, f wafTuneFlags) error {
	format, err := outputFormat(cmd.OutOrStdout(), f.output)
	if err != nil {
		return err
	}
	if err := f.validate(cmd); err != nil {
		return err
	}
	switch {
	case f.data != "":
		return runWAFTuneLive(cmd, &f, format)
	case f.traffic == "":
		return runWAFTuneServer(cmd, &f)
	}
	labels, err := readLabels(cmd, f.labels)
	if err != nil {
		return err
	}
	settings := waf.CorpusSettings()
	engine, err := waf.Compile(settings)
	if err != nil {
		return err
	}
	defer func() { _ = engine.Close() }() // the program ends
	model, err := verdict.Default()
	if err != nil {
		return err
	}
	read := &blockedReader{engine: engine, model: model, labels: labels}
	cases, err := read.file(cmd, f.traffic)
	if err != nil {
		return err
	}
	var guard []*tuning.Case
	if f.guard != "" {
		if guard, err = read.file(cmd, f.guard); err != nil {
			return err
		}
	}
	clear := func() {}
	plan, err := tuning.Propose(cmd.Context(), f.planned(), settings,
		func(directives string) (*waf.Engine, error) { return waf.CompileWith(settings, directives) }, cases, guard,
		func(done int) { clear = progressBar(cmd, fmt.Sprintf("%d proposals", done)) })
	clear()
	if err != nil {
		return err
	}
	return printProposals(cmd, format, plan)
}

// readLabels reads what people say of requests, by id.
func readLabels(cmd *cobra.Command, name string) (map[string]bool, error) {
	labels := map[string]bool{}
	if name == "" {
		return labels, nil
	}
	err := eachLabel(cmd, name, func(l *labelLine, truth verdict.Truth) {
		for _, id := range []string{l.ID, l.EventID, l.Request} { // a request is known by any
			if id != "" {
				labels[id] = truth == verdict.Attack
			}
		}
	})
	return labels, err
}

// eachLabel calls yield with the lines of a file that say what a request is.
func eachLabel(cmd *cobra.Command, name string, yield func(*labelLine, verdict.Truth)) error {
	in, err := openInput(cmd, name)
	if err != nil {
		return err
	}
	defer in.Close()
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 1<<16), 1<<20)
	for n := 1; scanner.Scan(); n++ {
		var line labelLine
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			return fmt.Errorf("line %d of %s: %w", n, name, err)
		}
		truth, ok := verdict.TruthOf(line.Label)
		switch {
		case !ok && line.Label != "":
			return fmt.Errorf("line %d of %s: label %.40q is none of attack, legit, %s", n, name, line.Label, strings.Join(knownLabels, ", "))
		case truth == verdict.Unknown:
			continue
		}
		yield(&line, truth)
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// blockedReader keeps the requests that the rules block.
type blockedReader struct {
	engine *waf.Engine
	model  *verdict.Model
	labels map[string]bool // by id: is it an attack?
}

// file judges the requests of a file on all processors and returns the blocked
// ones in their order.
func (b *blockedReader) file(cmd *cobra.Command, name string) ([]*tuning.Case, error) {
	var mu sync.Mutex
	blocked := map[int]*tuning.Case{}
	group, ctx := errgroup.WithContext(cmd.Context())
	group.SetLimit(runtime.GOMAXPROCS(0))
	n, clear := 0, func() {}
	err := eachRequest(cmd, name, func(q *verdict.Request) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if n++; n%200 == 0 {
			clear = progressBar(cmd, fmt.Sprintf("%d requests of %s judged", n, name))
		}
		at, kept := n, *q
		group.Go(func() error {
			c, err := b.judge(ctx, &kept)
			if c != nil {
				mu.Lock()
				blocked[at] = c
				mu.Unlock()
			}
			return err
		})
		return nil
	})
	if e := group.Wait(); e != nil {
		err = e
	}
	clear()
	if err != nil {
		return nil, err
	}
	cases := make([]*tuning.Case, 0, len(blocked))
	for at := 1; at <= n; at++ {
		if c := blocked[at]; c != nil {
			cases = append(cases, c)
		}
	}
	return cases, nil
}

// judge returns a request that is blocked, nil for one that is not.
func (b *blockedReader) judge(ctx context.Context, q *verdict.Request) (*tuning.Case, error) {
	d, err := b.engine.JudgeRequest(ctx, q)
	if err != nil || !d.Block {
		return nil, err
	}
	c := &tuning.Case{Request: q, Decision: d}
	if attack, ok := b.labels[q.ID]; ok {
		c.Labeled = true
		if attack {
			c.PAttack = 1
		}
		return c, nil
	}
	in := verdict.Input{Request: q, Block: true, Score: d.Score, Rules: d.Scoring, Matches: verdictMatches(d.Matches)}
	c.PAttack = b.model.Score(nil, in).PAttack
	return c, nil
}

// proposalLine is one line of output.
type proposalLine struct {
	Directive   string         `json:"directive"`
	ModSecurity string         `json:"modsecurity,omitempty"`
	Site        string         `json:"site"`
	Path        string         `json:"path"`
	Rules       []int          `json:"rules"`
	Unblocks    []string       `json:"unblocks"`
	Released    []string       `json:"released"`
	GuardLost   []string       `json:"guard_lost"`
	Evidence    []evidenceLine `json:"evidence"`
}

// tellPlan says what the proposals are about, and what is not among them.
func tellPlan(cmd *cobra.Command, wrong, nowhere, guarded int) {
	fmt.Fprintf(cmd.ErrOrStderr(), "%d blocked requests are taken for false positives; %d of them at places that no directive can describe\n", wrong, nowhere)
	if guarded > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "places where more would help, left out because attacks of the guard would pass: %d\n", guarded)
	}
}

func printProposals(cmd *cobra.Command, format string, plan *tuning.Plan) error {
	tellPlan(cmd, plan.Wrong, plan.Nowhere, plan.Guarded)
	lines := make([]proposalLine, len(plan.Proposals))
	for i := range plan.Proposals {
		lines[i] = newProposalLine(&plan.Proposals[i])
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
	t := newTable(bufio.NewWriter(cmd.OutOrStdout()), format, []string{"#", "site", "path", "rules", "unblocks", "released", "guard_lost", "change"})
	for i := range lines {
		l := &lines[i]
		rules := make([]string, len(l.Rules))
		for j, id := range l.Rules {
			rules[j] = strconv.Itoa(id)
		}
		err := t.Write([]string{
			strconv.Itoa(i + 1), l.Site, l.Path, strings.Join(rules, " "), strconv.Itoa(len(l.Unblocks)), strconv.Itoa(len(l.Released)),
			strconv.Itoa(len(l.GuardLost)), l.Evidence[0].Detail,
		})
		if err != nil {
			return err
		}
	}
	return t.Close()
}

func newProposalLine(p *tuning.Proposal) proposalLine {
	line := proposalLine{
		Directive: p.Directive, ModSecurity: p.Portable, Site: p.Site, Path: p.Path, Rules: p.Rules,
		Unblocks: p.Unblocks, Released: p.Released, GuardLost: p.Guard,
	}
	for _, e := range p.Evidence {
		line.Evidence = append(line.Evidence, evidenceLine{e.Name, e.Weight, e.Detail})
	}
	return line
}
