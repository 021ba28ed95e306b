package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/sigma"
	"github.com/gatewatch/gatewatch/services/rules"
)

func newRulesCheck() *cobra.Command {
	var f rulesFlags
	cmd := &cobra.Command{
		Use:   "check DIR...",
		Short: "Say which rule files load and why others do not",
		Long: `Reads all rule files (.yml, .yaml) of folders, or single files, and prints one
line of JSON for each: path, id, ids, status (ok or error), the errors with line and
column, and warnings of what loads and may not be meant. YAML files without anything
of Sigma are passed over, but for overlays. Exit code 1 if something is rejected.

As in a server, a document with the id of another one is rejected. With --pack rules
may refer to those that come with Gatewatch. An --overlay is checked with the rules
that it changes; an overlay that is named like a rule file, by itself.`,
		Example: `  gatewatch rules check rules/ sigma/rules
  gatewatch rules check --pack --overlay overlay.yaml own/`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("rules check: name a folder or a file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runRulesCheck(cmd, &f, args) },
	}
	f.add(cmd)
	return cmd
}

func runRulesCheck(cmd *cobra.Command, f *rulesFlags, args []string) error {
	sources, err := f.sources(cmd, args)
	if err != nil {
		return err
	}
	c := checks{errors: map[string][]*sigma.Error{}, warnings: map[string][]*sigma.Error{}, overlays: map[string]bool{}, pack: f.packFiles}
	for _, name := range args {
		if !isOverlay(name) {
			continue
		}
		alone := rulesFlags{overlay: name}
		o, err := alone.readOverlay()
		if err := c.overlay(name, err); err != nil {
			return err
		}
		if o != nil {
			c.add(rules.Sources{Set: new(sigma.Set), Overlay: o}.Build(sigma.Options{}), func(e *sigma.Error) bool { return e.Missing == "" }, false)
		}
	}
	sources.Unique = true
	sources.Overlay, err = f.readOverlay()
	if f.overlay != "" {
		if err := c.overlay(f.overlay, err); err != nil {
			return err
		}
	}
	c.add(sources.Build(sigma.Options{}), func(*sigma.Error) bool { return true }, true)
	return c.print(sources.Set.Files, cmd.OutOrStdout())
}

type checkLine struct {
	Path     string   `json:"path"`
	ID       string   `json:"id"`
	IDs      []string `json:"ids"`
	Status   string   `json:"status"`
	Error    string   `json:"error,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// checks are what was found in files, by their paths.
type checks struct {
	errors, warnings map[string][]*sigma.Error
	overlays         map[string]bool
	pack             map[string]bool // files of it; those without errors are not shown
}

// overlay notes that a file is an overlay, and its error if that has a place; the
// others are returned.
func (c *checks) overlay(name string, err error) error {
	c.overlays[name] = true
	var at *sigma.Error
	if errors.As(err, &at) {
		c.errors[at.Path] = append(c.errors[at.Path], at)
		return nil
	}
	return err
}

// add takes the errors of a rule set that are wanted, and its warnings.
func (c *checks) add(b *rules.Built, wanted func(*sigma.Error) bool, warnings bool) {
	for _, e := range b.Rejected {
		if wanted(e) {
			c.errors[e.Path] = append(c.errors[e.Path], e)
		}
	}
	for _, w := range b.Warnings {
		if warnings {
			c.warnings[w.Path] = append(c.warnings[w.Path], w)
		}
	}
}

// print writes the lines of files, overlays last.
func (c *checks) print(files []sigma.File, w io.Writer) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	files = slices.DeleteFunc(slices.Clone(files), func(f sigma.File) bool {
		quiet := c.pack[f.Path] && len(c.errors[f.Path])+len(c.warnings[f.Path]) == 0
		return c.overlays[f.Path] || len(f.Documents) == 0 || quiet
	})
	bad := false
	for name := range c.overlays {
		files = append(files, sigma.File{Path: name})
	}
	slices.SortStableFunc(files[len(files)-len(c.overlays):], func(a, b sigma.File) int { return cmp.Compare(a.Path, b.Path) })
	for _, f := range files {
		line := c.line(f)
		bad = bad || line.Status != "ok"
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

func (c *checks) line(f sigma.File) checkLine {
	line := checkLine{Path: f.Path, IDs: []string{}, Status: "ok"}
	warnings := c.warnings[f.Path]
	for _, d := range f.Documents {
		if h := d.Header(); h != nil && h.Key() != "" {
			line.IDs = append(line.IDs, h.Key())
		}
		if d.Err != nil && d.Err.Rule != "" {
			line.IDs = append(line.IDs, d.Err.Rule)
		}
		warnings = append(warnings, d.Warnings()...)
	}
	if len(line.IDs) > 0 {
		line.ID = line.IDs[0]
	}
	if errs := c.errors[f.Path]; len(errs) > 0 {
		line.Status, line.Error = "error", strings.Join(placed(errs), "; ")
	}
	line.Warnings = placed(warnings)
	return line
}

// placed writes errors of one file without its path, in their order in it.
func placed(errs []*sigma.Error) []string {
	slices.SortStableFunc(errs, func(a, b *sigma.Error) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	var list []string
	for _, e := range errs {
		list = append(list, e.Pos.String()+": "+e.Reason)
	}
	return list
}
