package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

type labelFlags struct {
	remote
	source, reason string
	undo           bool
}

func newWAFLabel() *cobra.Command {
	var f labelFlags
	cmd := &cobra.Command{
		Use:   "label EVENT_ID LABEL",
		Short: "Say what a request was, or take that back",
		Long: `Labels a decision of a WAF: true_positive (the request was an attack), false_positive
or benign (it was not), or unsure. The label counts for gatewatch waf rates, is kept
for good with who gave it and why, is a leaf of the audit log, and raises the
revision of the verdict. --undo takes back the label that holds; what held before
it holds again.

Nothing says so better than a sample: label what gatewatch waf sample --server draws.`,
		Example: `  gatewatch waf label 0f3ab2-17 false_positive --reason 'a forum post about SQL'
  gatewatch waf label 0f3ab2-17 --undo --reason 'looked again'`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case f.undo && len(args) != 1:
				return usagef("waf label --undo: give the id of one decision, see gatewatch waf decisions")
			case !f.undo && len(args) != 2:
				return usagef("waf label: give the id of a decision and true_positive, false_positive, benign or unsure")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runWAFLabel(cmd, &f, args) },
	}
	addRemote(cmd, &f.remote)
	cmd.Flags().StringVar(&f.reason, "reason", "", "why; it is kept with the label")
	cmd.Flags().StringVar(&f.source, "source", "", "source of the event, where several have the id")
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
