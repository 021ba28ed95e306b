package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

func newRulesCheck() *cobra.Command {
	var f rulesFlags
	cmd := &cobra.Command{
		Use:   "check DIR...",
		Short: "Say which rule files load and why others do not",
		Long: `Reads all rule files (.yml, .yaml) of folders, or single files, and prints one
line of JSON for each: path, id, ids, status (ok or error) and the errors with line
and column. YAML files without anything of Sigma are passed over. Exit code 1 if a
rule is rejected.`,
		Example: `  gatewatch rules check rules/ sigma/rules`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("rules check: name a folder or a file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			set, built, err := f.build(cmd, args, sigma.Options{})
			if err != nil {
				return err
			}
			return checkRules(set, built.Rejected, cmd.OutOrStdout())
		},
	}
	f.add(cmd)
	return cmd
}

type checkLine struct {
	Path   string   `json:"path"`
	ID     string   `json:"id"`
	IDs    []string `json:"ids"`
	Status string   `json:"status"`
	Error  string   `json:"error,omitempty"`
}

func checkRules(set *sigma.Set, rejected []*sigma.Error, w io.Writer) error {
	late := map[string][]*sigma.Error{}
	for _, e := range rejected[len(set.Errors):] { // the others are in their files
		late[e.Path] = append(late[e.Path], e)
	}
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	bad := false
	for _, f := range set.Files {
		if len(f.Documents) == 0 {
			continue
		}
		line := checkLine{Path: f.Path, IDs: []string{}, Status: "ok"}
		errs := late[f.Path]
		for _, d := range f.Documents {
			if h := d.Header(); h != nil && h.Key() != "" {
				line.IDs = append(line.IDs, h.Key())
			}
			if d.Err != nil {
				errs = append(errs, d.Err)
				if d.Err.Rule != "" {
					line.IDs = append(line.IDs, d.Err.Rule)
				}
			}
		}
		if len(line.IDs) > 0 {
			line.ID = line.IDs[0]
		}
		if len(errs) > 0 {
			bad = true
			line.Status, line.Error = "error", joinErrors(errs)
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if bad {
		return errFindings
	}
	return nil
}

// joinErrors writes errors of one file without its path, in their order in it.
func joinErrors(errs []*sigma.Error) string {
	slices.SortStableFunc(errs, func(a, b *sigma.Error) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	var list []string
	for _, e := range errs {
		list = append(list, e.Pos.String()+": "+e.Reason)
	}
	return strings.Join(list, "; ")
}
