package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/sheet"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
)

// jobJSON is a search for proposals of the REST API.
type jobJSON struct {
	End        string                           `json:"end_time"`
	Stage      string                           `json:"stage"`
	Done       int                              `json:"done"`
	Total      int                              `json:"total"`
	Proposals  []int64                          `json:"proposals"`
	Wrong      int                              `json:"wrong"`
	Nowhere    int                              `json:"nowhere"`
	Guarded    int                              `json:"guarded"`
	Missed     int                              `json:"missed"`
	Legit      int                              `json:"legitimate"`
	Answerless []struct{ ID, Site, Why string } `json:"unanswered"`
	LeftOut    string                           `json:"left_out"`
	Warnings   []string
	Error      string
}

// jobEach is how often a job is looked at.
const jobEach = 300 * time.Millisecond

// runWAFTuneServer has a server look for proposals, and prints them.
func runWAFTuneServer(cmd *cobra.Command, f *wafTuneFlags) error {
	if err := f.connect(); err != nil {
		return err
	}
	guard, err := readGuard(cmd, f.guard)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, r := range guard {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	body := map[string]any{
		"filter": f.filter, "from": f.from, "to": f.to, "group_id": f.group, "scope": f.scope, "limit": f.limit,
		"guard_loss": f.guardLoss, "suspect": f.suspect, "guard": lines.String(),
	}
	job, err := f.propose(cmd, body)
	if err != nil {
		return err
	}
	tellPlan(cmd, job.Wrong, job.Nowhere, job.Guarded)
	if job.LeftOut != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "blocked requests left out: %s\n", printable(job.LeftOut))
	}
	return f.writeFound(cmd, f.output, job)
}

// runTuneMissedServer has a server look for promotions, and prints them.
func runTuneMissedServer(cmd *cobra.Command, f *tuneMissedFlags) error {
	if err := f.connect(); err != nil {
		return err
	}
	job, err := f.propose(cmd, map[string]any{"kind": "promotion", "filter": f.filter, "from": f.from, "to": f.to, "limit": f.limit, "max_cost": f.maxCost})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d missed attacks and %d legitimate requests among those that were allowed\n", job.Missed, job.Legit)
	if job.LeftOut != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "allowed requests left out: %s\n", printable(job.LeftOut))
	}
	for _, u := range job.Answerless {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s of %s: %s\n", printable(u.ID), printable(u.Site), printable(u.Why))
	}
	return f.writeFound(cmd, f.output, job)
}

// propose has a server look for proposals and waits for it.
func (r *remote) propose(cmd *cobra.Command, body map[string]any) (*jobJSON, error) {
	var answer struct{ Job jobJSON }
	if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/proposals:propose", body, &answer); err != nil {
		return nil, err
	}
	job, err := r.awaitJob(cmd)
	if err == nil {
		warn(cmd, job.Warnings)
	}
	return job, err
}

// writeFound prints the proposals that a job has found.
func (r *remote) writeFound(cmd *cobra.Command, output string, job *jobJSON) error {
	var all []proposalJSON
	for _, id := range job.Proposals {
		p, err := r.proposal(cmd.Context(), http.MethodGet, strconv.FormatInt(id, 10), "", nil)
		if err != nil {
			return err
		}
		all = append(all, *p)
	}
	return writeProposals(cmd, output, all)
}

// awaitJob waits until the job of a server has ended.
func (r *remote) awaitJob(cmd *cobra.Command) (*jobJSON, error) {
	clear := func() {}
	defer func() { clear() }()
	tick := time.NewTicker(jobEach)
	defer tick.Stop()
	for {
		var answer struct{ Job *jobJSON }
		if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/proposals:job", nil, &answer); err != nil {
			return nil, err
		}
		switch j := answer.Job; {
		case j == nil:
			return nil, errors.New("the server has forgotten the job: it was started again")
		case j.Error != "":
			return nil, fmt.Errorf("look for proposals: %s", printable(j.Error))
		case j.End != "":
			return j, nil
		default:
			clear = progressBar(cmd, progressWords(tuning.Progress{Stage: j.Stage, Done: j.Done, Total: j.Total}))
		}
		select {
		case <-cmd.Context().Done():
			return nil, cmd.Context().Err()
		case <-tick.C:
		}
	}
}

// proposalJSON is a proposal of the REST API.
type proposalJSON struct {
	raw json.RawMessage

	ID       int64    `json:"id"`
	Kind     string   `json:"kind"`
	Catches  []string `json:"catches"`
	Blocks   []string `json:"blocks"`
	Site     string   `json:"site"`
	Path     string   `json:"path"`
	Rules    []int    `json:"rules"`
	Unblocks []string `json:"unblocks"`
	Released []string `json:"released"`
	Guard    []string `json:"guard_lost"`
	Evidence []evidenceLine
	Status   string `json:"status"`
	Stage    string `json:"stage"`
	Owner    string `json:"owner"`
	Expires  string `json:"expire_time"`
	Hits     int64  `json:"hits"`
	LastHit  string `json:"last_hit_time"`
	Retire   string `json:"retire"`
}

// UnmarshalJSON keeps the text, too.
func (p *proposalJSON) UnmarshalJSON(b []byte) error {
	type plain proposalJSON
	p.raw = slices.Clone(b)
	return json.Unmarshal(b, (*plain)(p))
}

// proposal asks for a proposal, or does something about it.
func (r *remote) proposal(ctx context.Context, method, id, verb string, body any) (*proposalJSON, error) {
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 1 {
		return nil, usagef("%q is not the id of a proposal; see gatewatch waf tune list", id)
	}
	var answer struct{ Proposal proposalJSON }
	err := r.call(ctx, method, "/api/v1/proposals/"+id+verb, body, &answer)
	return &answer.Proposal, err
}

// writeProposals prints proposals: as JSON whole.
func writeProposals(cmd *cobra.Command, flag string, all []proposalJSON) error {
	format, err := outputFormat(cmd.OutOrStdout(), flag)
	if err != nil {
		return err
	}
	switch format {
	case outNDJSON:
		for i := range all {
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), escaped(all[i].raw)); err != nil {
				return err
			}
		}
		return nil
	case outJSON:
		texts := make([]string, len(all))
		for i := range all {
			texts[i] = escaped(all[i].raw)
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "[%s]\n", strings.Join(texts, ","))
		return err
	}
	var rows [][]json.RawMessage
	for i := range all {
		p := &all[i]
		change := ""
		if len(p.Evidence) > 0 {
			change = p.Evidence[0].Detail
		}
		stage := p.Status
		if p.Stage != "" {
			stage += " (" + p.Stage + ")"
		}
		expires, _, _ := strings.Cut(p.Expires, "T")
		row, err := jsonRow(p.ID, p.Site, p.Path, p.Kind, stage, len(p.Unblocks), len(p.Released), len(p.Guard), len(p.Catches), len(p.Blocks), p.Hits, expires, p.Owner, change, p.Retire)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	return writeRows(cmd.OutOrStdout(), flag, []string{"id", "site", "path", "kind", "status", "unblocks", "released", "guard_lost", "catches", "blocks", "hits", "expires", "owner", "change", "retire"}, rows)
}

func newTuneList() *cobra.Command {
	var r remote
	var status, output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the proposals of a server, what became of them, and how often each took effect", Args: cobra.NoArgs,
		Example: `  gatewatch waf tune list --status applied -o table`,
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.Flags().StringVar(&status, "status", "", "only those: proposed, applied, expired, retired, rolled_back")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.connect(); err != nil {
			return err
		}
		var all []proposalJSON
		for token := ""; ; {
			var page struct {
				Proposals []proposalJSON `json:"proposals"`
				Next      string         `json:"next_page_token"`
			}
			v := url.Values{"page_size": {"500"}, "page_token": {token}, "status": {status}}
			if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/proposals?"+v.Encode(), nil, &page); err != nil {
				return err
			}
			all = append(all, page.Proposals...)
			if token = page.Next; token == "" {
				return writeProposals(cmd, output, all)
			}
		}
	}
	return cmd
}

func newTuneShow() *cobra.Command {
	var r remote
	var output string
	cmd := &cobra.Command{
		Use: "show ID", Short: "Print a proposal: what it changes, frees, lets in and blocks, and its SecLang", Args: oneArg("the id of a proposal"),
		Example: `  gatewatch waf tune show 9950001`,
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		format, err := outputFormat(cmd.OutOrStdout(), output)
		if err != nil {
			return err
		}
		if err := r.connect(); err != nil {
			return err
		}
		p, err := r.proposal(cmd.Context(), http.MethodGet, args[0], "", nil)
		if err != nil {
			return err
		}
		if format != outTable {
			return writeProposals(cmd, output, []proposalJSON{*p})
		}
		var text struct{ Directive, Modsecurity, Reason string }
		if err := json.Unmarshal(p.raw, &text); err != nil {
			return err
		}
		w := cmd.OutOrStdout()
		fmt.Fprintf(w, "proposal %d, %s for %s %s: %s %s\n", p.ID, printable(p.Kind), printable(p.Site), printable(p.Path), p.Status, p.Stage)
		for _, e := range p.Evidence {
			fmt.Fprintf(w, "  %s: %s\n", e.Name, printable(e.Detail))
		}
		for _, x := range []struct{ name, value string }{
			{"owner", p.Owner},
			{"reason", text.Reason},
			{"expires", p.Expires},
			{"last hit", p.LastHit},
			{"to be retired", p.Retire},
			{"suspects let through", strings.Join(p.Released, " ")},
			{"attacks of the guard let through", strings.Join(p.Guard, " ")},
			{"missed attacks blocked", strings.Join(p.Catches, " ")},
			{"legitimate requests blocked", strings.Join(p.Blocks, " ")},
		} {
			if x.value != "" {
				fmt.Fprintf(w, "  %s: %s\n", x.name, printable(x.value))
			}
		}
		fmt.Fprintf(w, "\n%s", strings.Map(sheet.Visible, text.Directive))
		if text.Modsecurity != "" {
			fmt.Fprintf(w, "\n# ModSecurity\n%s", strings.Map(sheet.Visible, text.Modsecurity))
		}
		return nil
	}
	return cmd
}

func newTuneApply() *cobra.Command {
	var r remote
	var stage, reason, owner, expires string
	var share int
	var nodes []string
	cmd := &cobra.Command{
		Use:   "apply ID",
		Short: "Put a proposal into a new bundle and roll it out; once more: to another stage",
		Long: `Makes a bundle from the one for all requests and the directive of the proposal, and
offers it to the nodes in a stage. Nodes take it back by themselves if blocks or errors
jump. Once more with another stage it goes on, such as from canary to all.`,
		Example: `  gatewatch waf tune apply 9950001 --stage canary --share 10 --reason 'posts about SQL' --expires now+90d
  gatewatch waf tune apply 9950001 --stage all`,
		Args: oneArg("the id of a proposal, see gatewatch waf tune list"),
	}
	addRemote(cmd, &r)
	cmd.Flags().StringVar(&stage, "stage", "canary", "shadow: judge a sample and only report; canary: judge a share of the clients; all")
	cmd.Flags().IntVar(&share, "share", 0, "percent of the clients, for canary; default 10")
	cmd.Flags().StringSliceVar(&nodes, "node", nil, "node that tries it out, for shadow and canary; may be given several times")
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept with the exclusion and in the audit log")
	cmd.Flags().StringVar(&owner, "owner", "", "who answers for it; default: who applies it")
	cmd.Flags().StringVar(&expires, "expires", "", "when it leaves by itself: RFC 3339, a date, or now+90d; default never")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if share < 0 || share > 99 {
			return usagef("--share must be between 1 and 99")
		}
		if stage == "canary" && share == 0 {
			share = 10
		}
		return r.actOnProposal(cmd, args[0], ":apply", map[string]any{
			"stage": stage, "share_percent": share, "nodes": nodes, "reason": reason, "owner": owner, "expires": expires,
		})
	}
	return cmd
}

func newTuneRetire() *cobra.Command {
	return newTuneAct("retire", "Say that nobody wants a proposal any more; it is taken out where it is in use", ":retire")
}

func newTuneRollBack() *cobra.Command {
	return newTuneAct("roll-back", "Take a proposal out of the bundle that it is in", ":rollback")
}

func newTuneAct(name, short, verb string) *cobra.Command {
	var r remote
	var reason string
	cmd := &cobra.Command{
		Use: name + " ID", Short: short, Args: oneArg("the id of a proposal, see gatewatch waf tune list"),
		Example: "  gatewatch waf tune " + name + " 9950001 --reason 'the form is gone'",
	}
	addRemote(cmd, &r)
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept in the audit log")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return r.actOnProposal(cmd, args[0], verb, map[string]any{"reason": reason})
	}
	return cmd
}

// actOnProposal does something about a proposal and says where it stands then.
func (r *remote) actOnProposal(cmd *cobra.Command, id, verb string, body map[string]any) error {
	if err := r.connect(); err != nil {
		return err
	}
	p, err := r.proposal(cmd.Context(), http.MethodPost, id, verb, body)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "proposal %d is %s", p.ID, p.Status)
	if p.Stage != "" {
		fmt.Fprintf(cmd.OutOrStdout(), ", in stage %s", p.Stage)
	}
	fmt.Fprintln(cmd.OutOrStdout())
	return nil
}
