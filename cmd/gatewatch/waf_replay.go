package main

import (
	"bufio"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
)

type wafReplayFlags struct {
	remote
	selectionFlags
	data, config string
	bundle       string
	ruleset      string
	live         bool // a server is asked
	guard        []string
	changed      bool
	limit        time.Duration // of judging a request
	rules        waf.Settings
	output       string
}

func newWAFReplay() *cobra.Command {
	var f wafReplayFlags
	cmd := &cobra.Command{
		Use:   "replay [FILE...]",
		Short: "Put kept requests through other rules: what would be blocked or allowed that is not now",
		Long: `Judges requests by another set of rules, on all processors, and prints for each
whether it is newly blocked, newly allowed or unchanged, with its verdict. The
requests are those that WAF nodes have kept (of a range of time, from a --server or
a --data folder) and those of corpus files. Kept ones of which the node has marked
that the copy does not get the same decision are left out and counted. Requests of
files are compared with the rules of CRS as they come. Those of --guard are attacks
that must not pass.

The rules are a bundle (--bundle: a file, the name of one that the server or the data
folder keeps, or "stable" or "candidate" for what is rolled out), or own files (--before,
--after), over CRS as it comes with the program or over another version of it
(--ruleset: the folder that a release unpacks to). A new version over the requests of
the last days is a retro-hunt: what is newly blocked and no legitimate request by its
verdict ("taken_for":"attack") it would have found; what is newly blocked and taken for
legitimate needs an exclusion before it is rolled out. Rules are like programs: take
them from where you trust. Where a bundle says nothing of level and threshold those of
--paranoia and --threshold hold, for the configuration of nodes is not known here.

To read kept requests is written into the audit log, and needs a token of the role
examiner or administrator. Exit code 1 says that an attack of --guard is newly
allowed, a request could not be judged, or not all were read.`,
		Example: `  gatewatch waf replay --server http://127.0.0.1:8080 --from now-1d --before exclusions.conf --changed
  gatewatch waf replay --data ./gatewatch-data --from now-1d --before exclusions.conf --changed
  gatewatch waf replay --server http://127.0.0.1:8080 --from now-7d --bundle candidate --guard attacks.ndjson --changed
  gatewatch waf replay --data ./gatewatch-data --from now-7d --ruleset ./coreruleset-4.26.0 --bundle stable --changed
  gatewatch waf replay --paranoia 2 --guard attacks.ndjson requests.ndjson`,
		RunE: func(cmd *cobra.Command, args []string) error { return runWAFReplay(cmd, f, args) },
	}
	flags := cmd.Flags()
	addRemote(cmd, &f.remote)
	flags.StringVar(&f.data, "data", "", "data folder whose kept requests are replayed, instead of --server")
	flags.StringVar(&f.config, "config", "", "configuration file of the server, for its master key")
	f.add(cmd)
	flags.StringVar(&f.filter, "filter", "", "which kept requests, in the query language: waf.site, waf.decision, waf.kept, rule.id, verdict.p_attack")
	flags.StringArrayVar(&f.guard, "guard", nil, "file of attacks that must stay blocked; repeatable")
	flags.BoolVar(&f.changed, "changed", false, "print only what changes")
	flags.StringVar(&f.bundle, "bundle", "", "rule-set bundle to judge by: a file, - for standard input, a name, stable or candidate")
	flags.StringVar(&f.ruleset, "ruleset", "", "folder of another version of the Core Rule Set to judge by")
	flags.IntVar(&f.rules.Paranoia, "paranoia", 0, "paranoia level that can block (default 1)")
	flags.IntVar(&f.rules.InboundThreshold, "threshold", 0, "anomaly score at which a request is blocked (default 5)")
	flags.StringArrayVar(&f.rules.RulesBefore, "before", nil, "SecLang file read before the Core Rule Set; repeatable")
	flags.StringArrayVar(&f.rules.RulesAfter, "after", nil, "SecLang file read after it; repeatable")
	flags.DurationVar(&f.limit, "request-time", waf.JudgeLimit, "how long the rules may take for one request, which counts as failed then; 0 is no limit")
	addOutput(cmd, &f.output)
	return cmd
}

// Where a request of a replay is from.
const (
	fromKept  = "kept"
	fromFile  = "file"
	fromGuard = "guard"
)

// What became of a request.
const (
	newlyBlocked = "newly_blocked"
	newlyAllowed = "newly_allowed"
	unchanged    = "unchanged"
)

// replayLine is one line of output.
type replayLine struct {
	ID      string       `json:"id"`
	EventID string       `json:"event_id,omitempty"` // of the decision, as far as it is known
	From    string       `json:"from"`
	Site    string       `json:"site,omitempty"`
	Change  string       `json:"change"`
	Before  string       `json:"before"`
	After   string       `json:"after"`
	Score   [2]int       `json:"anomaly_scores"`
	Rules   []int        `json:"rules"`
	PAttack *float64     `json:"p_attack"`
	Kind    verdict.Kind `json:"kind,omitempty"`
	Taken   string       `json:"taken_for"` // attack or legit, by p_attack
	Cut     bool         `json:"cut,omitempty"`
	Error   string       `json:"error,omitempty"`
}

// replayRun is one run of the command.
type replayRun struct {
	cmd    *cobra.Command
	flags  *wafReplayFlags
	write  func(*replayLine) error
	model  *verdict.Model
	counts map[string]int

	unfaithful, unreadable atomic.Int64 // counted where requests are read, which is ahead of what is told

	failed, guardLost int

	found, harmed int      // newly blocked ones that are taken for attacks, and for legitimate
	partial       []string // of where requests are read, until all were
	told          time.Time
	ids           eventIDs
}

func runWAFReplay(cmd *cobra.Command, f wafReplayFlags, files []string) error {
	f.live = f.data == "" && asksServer(cmd, slices.Concat(files, f.guard))
	switch {
	case f.limit < 0:
		return usagef("--request-time: %v is negative", f.limit)
	case f.data != "" && cmd.Flags().Changed("server"):
		return usagef("give --server or --data, not both")
	case f.data == "" && !f.live && len(files) == 0 && len(f.guard) == 0:
		return usagef("name files of requests, or --server or --data for those that nodes have kept")
	case f.live:
		if err := f.connect(); err != nil {
			return err
		}
	}
	format, err := outputFormat(cmd.OutOrStdout(), f.output)
	if err != nil {
		return err
	}
	baseline := &waf.SiteRules{Settings: waf.CorpusSettings()}
	defer func() { _ = baseline.Close() }() // the program ends
	candidate, err := f.candidate(cmd)
	if err != nil {
		return err
	}
	defer func() { _ = candidate.Close() }() // the program ends
	model, err := verdict.Default()
	if err != nil {
		return err
	}
	r := &replayRun{cmd: cmd, flags: &f, model: model, counts: map[string]int{}, told: time.Now()}
	done := r.output(format)
	replayer := waf.Replayer{Candidate: candidate.Of, Baseline: baseline.Of, Limit: f.limit}
	for _, part := range r.parts(files) {
		err = errors.Join(err, replayer.Run(cmd.Context(), part.requests, func(x waf.Replayed) error { return r.take(part.from, x) }))
		if err != nil {
			break
		}
	}
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	return r.summary()
}

// replayPart is requests of one origin.
type replayPart struct {
	from     string
	requests iter.Seq2[*kept.Copy, error]
}

func (r *replayRun) parts(files []string) []replayPart {
	var all []replayPart
	switch {
	case r.flags.data != "":
		all = append(all, replayPart{fromKept, r.kept(r.fromFolder)})
	case r.flags.live:
		all = append(all, replayPart{fromKept, r.kept(r.fromServer)})
	}
	for _, name := range files {
		all = append(all, replayPart{fromFile, r.file(name)})
	}
	for _, name := range r.flags.guard {
		all = append(all, replayPart{fromGuard, r.file(name)})
	}
	return all
}

// errStopped ends a reader whose requests nobody wants any more.
var errStopped = errors.New("stopped")

// file yields the requests of a corpus.
func (r *replayRun) file(name string) iter.Seq2[*kept.Copy, error] {
	return func(yield func(*kept.Copy, error) bool) {
		err := eachRequest(r.cmd, name, func(q *verdict.Request) error {
			if !yield(&kept.Copy{ID: q.ID, BodyBytes: int64(len(q.Body)), Request: *q}, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// take prints what became of a request.
func (r *replayRun) take(from string, x waf.Replayed) error {
	c := x.Copy
	line := replayLine{
		ID: c.ID, EventID: r.ids.take(c), From: from, Site: c.Request.Site, Change: unchanged, Before: actionOf(c.Block), After: actionOf(x.After.Block),
		Score: [2]int{c.Score, x.After.Score}, Rules: ruleList(x.After.Scoring), Cut: c.BodyBytes > int64(len(c.Request.Body)),
	}
	switch {
	case x.Err != nil:
		line.Change, line.After, line.Error = "failed", "", x.Err.Error()
		r.failed++
	case x.After.Block && !c.Block:
		line.Change = newlyBlocked
	case c.Block && !x.After.Block:
		line.Change = newlyAllowed
		if from == fromGuard {
			r.guardLost++
		}
	}
	r.counts[line.Change]++
	r.progress()
	if r.flags.changed && line.Change == unchanged {
		return nil
	}
	if c.Model == "" {
		v := r.model.Score(nil, verdict.Input{Request: &c.Request, Block: c.Block, Score: c.Score, Rules: c.Rules, Matches: verdictMatches(x.Before)})
		c.PAttack, c.Kind = v.PAttack, v.Kind
	}
	line.PAttack, line.Kind, line.Taken = &c.PAttack, c.Kind, "legit"
	if c.PAttack >= tuning.Suspect {
		line.Taken = "attack"
	}
	if line.Change == newlyBlocked {
		if line.Taken == "attack" {
			r.found++
		} else {
			r.harmed++
		}
	}
	return r.write(&line)
}

// progress says how far the run is, once in two seconds.
func (r *replayRun) progress() {
	if now := time.Now(); now.Sub(r.told) >= 2*time.Second {
		r.told = now
		fmt.Fprintf(r.cmd.ErrOrStderr(), "replayed: %s\n", r.sums())
	}
}

func (r *replayRun) sums() string {
	return fmt.Sprintf("%d newly blocked, %d newly allowed, %d unchanged, %d failed; left out: %d unfaithful copies, %d that cannot be opened",
		r.counts[newlyBlocked], r.counts[newlyAllowed], r.counts[unchanged], r.failed, r.unfaithful.Load(), r.unreadable.Load())
}

// summary says what came of it all.
func (r *replayRun) summary() error {
	fmt.Fprintln(r.cmd.ErrOrStderr(), r.sums())
	if r.counts[newlyBlocked] > 0 {
		fmt.Fprintf(r.cmd.ErrOrStderr(), "newly blocked: %d taken for attacks by their verdict, %d for legitimate\n", r.found, r.harmed)
	}
	for _, why := range r.partial {
		fmt.Fprintf(r.cmd.ErrOrStderr(), "not all requests were read: %s\n", printable(why))
	}
	if r.guardLost > 0 {
		fmt.Fprintf(r.cmd.ErrOrStderr(), "attacks of the guard set that would pass: %d\n", r.guardLost)
	}
	if r.guardLost > 0 || r.failed > 0 || len(r.partial) > 0 {
		return errFindings
	}
	return nil
}

// output makes r.write, and what ends it.
func (r *replayRun) output(format string) (done func() error) {
	w := bufio.NewWriter(r.cmd.OutOrStdout())
	if format == outNDJSON || format == outJSON {
		r.write, done = jsonLines[replayLine](w, format)
		return done
	}
	t := newTable(w, format, []string{"change", "from", "site", "before", "after", "p_attack", "taken_for", "rules", "id", "event_id"})
	t.width = terminalWidth(r.cmd.OutOrStdout())
	r.write = func(l *replayLine) error {
		rules := strings.Trim(fmt.Sprint(l.Rules), "[]")
		return t.Write([]string{l.Change, l.From, l.Site, l.Before, l.After, fmt.Sprintf("%.3f", *l.PAttack), l.Taken, rules, l.ID, l.EventID})
	}
	return t.Close
}
