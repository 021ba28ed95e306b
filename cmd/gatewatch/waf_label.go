package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/triage"
)

type labelFlags struct {
	remote
	selectionFlags
	source, reason string
	undo           bool
	alike, preview bool
	undoAct        int64
	undoBy         string
	all            bool
	covers         string
	file           string
}

// knownLabels are the labels that a decision can have.
var knownLabels = triage.Labels()

func newWAFLabel() *cobra.Command {
	var f labelFlags
	cmd := &cobra.Command{
		Use:   "label EVENT_ID LABEL | --file FILE",
		Short: "Say what a request was, or take that back",
		Long: `Labels a decision of a WAF: true_positive (the request was an attack), false_positive
or benign (it was not), or unsure. The label counts for gatewatch waf rates, is kept
for good with who gave it and why, is a leaf of the audit log, and raises the
revision of the verdict. --undo takes back the label that holds; what held before
it holds again.

--alike labels all decisions that are like this one and have no label: of its site,
path (numbers and other ids are {id}), rule and variable, at most the newest 1,000,
in one act; --filter takes those alone that a filter of the query language takes, as
gatewatch waf decisions --filter lists them, and says how many more of the group there
are; --preview says which, and labels none. Decisions of which the verdict is
sure that the label is wrong (p_attack of 0.9 and more, for true_positive of 0.1 and
less) are left out but for --even-sure. --covers is what --preview printed: if other
decisions would be labelled by now, none is. --undo-act takes an act back. --undo-by
takes back all labels of somebody that still hold, given since --from: for a token that
was in other hands (who gave a label is its actor in the audit log).

--file reads labels as NDJSON, - for standard input: id or event_id, label, and maybe
source and reason, such as a list of gatewatch waf decisions -o ndjson with its labels
filled in. attack and legit mean true_positive and benign. Lines without a label are
left alone, those that cannot be used are told with their number and the rest goes
on; exit code 1 says that there were some. Each line is an act of its own.

Nothing says so better than a sample: label what gatewatch waf sample --server draws.`,
		Example: `  gatewatch waf label 0f3ab2-17 false_positive --reason 'a forum post about SQL'
  gatewatch waf label 0f3ab2-17 --undo --reason 'looked again'
  gatewatch waf label 0f3ab2-17 false_positive --alike --from now-7d --preview
  gatewatch waf label 0f3ab2-17 benign --alike --filter 'client.ip: 192.0.2.0/24'
  gatewatch waf decisions --drawn --limit 0 -o ndjson >drawn.ndjson   # then fill in the labels
  gatewatch waf label --file drawn.ndjson
  gatewatch waf label --undo-act 412 --reason 'one of them was an attack'
  gatewatch waf label --undo-by 'analyst "ann"' --from now-2d --reason 'the token was stolen'`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case f.file != "" && (len(args) != 0 || f.undo || f.alike || f.undoAct != 0 || f.undoBy != "" || f.filter != ""):
				return usagef("waf label --file: the lines of the file say what to label")
			case f.file != "":
				return nil
			case f.undoAct != 0 && (len(args) != 0 || f.undo || f.alike):
				return usagef("waf label --undo-act: give the number of the act alone")
			case f.undoBy != "" && (len(args) != 0 || f.undo || f.alike || f.undoAct != 0 || f.filter != "" || f.to != ""):
				return usagef("waf label --undo-by: give who labelled, and --from, alone")
			case f.undoAct != 0, f.undoBy != "":
				return nil
			case f.undo && f.alike:
				return usagef("waf label: --alike labels; --undo-act takes back what it did")
			case !f.alike && (f.preview || f.all || f.covers != "" || f.filter != "" || f.from != "" || f.to != ""):
				return usagef("waf label: --preview, --covers, --even-sure, --filter, --from and --to go with --alike")
			case f.undo && len(args) != 1:
				return usagef("waf label --undo: give the id of one decision, see gatewatch waf decisions")
			case !f.undo && len(args) != 2:
				return usagef("waf label: give the id of a decision and true_positive, false_positive, benign or unsure")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.file != "" {
				return runWAFLabelFile(cmd, &f)
			}
			if f.undoBy != "" {
				return runWAFUndoBy(cmd, &f)
			}
			if f.alike || f.undoAct != 0 {
				return runWAFLabelGroup(cmd, &f, args)
			}
			return runWAFLabel(cmd, &f, args)
		},
	}
	addRemote(cmd, &f.remote)
	cmd.Flags().StringVar(&f.reason, "reason", "", "why; it is kept with the label")
	cmd.Flags().StringVar(&f.source, "source", "", "source of the event, where several have the id")
	cmd.Flags().StringVar(&f.file, "file", "", "NDJSON of labels; - is standard input")
	f.add(cmd)
	cmd.Flags().BoolVar(&f.alike, "alike", false, "label all decisions like this one that have no label")
	cmd.Flags().StringVar(&f.filter, "filter", "", "with --alike: label only those that this filter of the query language takes")
	cmd.Flags().BoolVar(&f.preview, "preview", false, "with --alike: say what would be labelled, and label nothing")
	cmd.Flags().BoolVar(&f.all, "even-sure", false, "with --alike: label also what the verdict is sure to be the contrary")
	cmd.Flags().StringVar(&f.covers, "covers", "", "with --alike: what --preview printed; label just that")
	cmd.Flags().Int64Var(&f.undoAct, "undo-act", 0, "take back all labels of an act, by its number")
	cmd.Flags().StringVar(&f.undoBy, "undo-by", "", "take back all labels that this actor has given since --from")
	cmd.Flags().BoolVar(&f.undo, "undo", false, "take back the label that holds")
	return cmd
}

func runWAFLabel(cmd *cobra.Command, f *labelFlags, args []string) error {
	if err := f.connect(); err != nil {
		return err
	}
	body, act := map[string]string{"reason": f.reason, "source": f.source}, "undoLabel"
	if !f.undo {
		body["label"], act = args[1], "label"
	}
	var answer struct {
		Decision struct {
			Decision decisionJSON `json:"decision"`
			Latest   struct {
				Revision int `json:"revision"`
			} `json:"latest"`
		} `json:"decision"`
	}
	if err := f.call(cmd.Context(), http.MethodPost, "/api/v1/decisions/"+url.PathEscape(args[0])+":"+act, body, &answer); err != nil {
		return err
	}
	d := &answer.Decision
	label := d.Decision.Label
	if label == "" {
		label = "no label"
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s %s %s: %s, revision %d\n", d.Decision.Decision, printable(d.Decision.Method), printable(d.Decision.Path), label, d.Latest.Revision)
	return nil
}
