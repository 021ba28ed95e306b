package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/sigma"
	"github.com/gatewatch/gatewatch/services/rules"
)

// rulesFlags say what is done to rules before they are used.
type rulesFlags struct {
	pipelines []string
	overlay   string
}

func (f *rulesFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.pipelines, "pipeline", nil, pipelineUsage)
	cmd.Flags().StringVar(&f.overlay, "overlay", "", "file that disables rules, changes their levels or adds filters, as the server's rules.overlay")
}

// build reads the rules of folders and single files and makes one rule set of them
// as a server does. What the pipelines and the overlay hold without effect is said
// on standard error.
func (f *rulesFlags) build(cmd *cobra.Command, paths []string, options sigma.Options) (*sigma.Set, *rules.Built, error) {
	var err error
	sources := rules.Sources{}
	if sources.Set, err = loadRules(paths); err != nil {
		return nil, nil, err
	}
	if sources.Pipeline, err = loadPipelines(cmd, f.pipelines); err != nil {
		return nil, nil, err
	}
	if f.overlay != "" {
		text, err := readBounded(f.overlay)
		if err != nil {
			return nil, nil, usagef("open overlay: %w", err)
		}
		if sources.Overlay, err = rules.ReadOverlay(f.overlay, text); err != nil {
			return nil, nil, err
		}
	}
	built, err := sources.Build(options)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range built.Unknown {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s: no rule is called %s\n", printable(f.overlay), printable(name))
	}
	return sources.Set, built, nil
}

// reject says on standard error which documents cannot be honoured.
func reject(cmd *cobra.Command, rejected []*sigma.Error) {
	for _, e := range rejected {
		fmt.Fprintf(cmd.ErrOrStderr(), "rejected: %s\n", printable(e.Error()))
	}
}

// loadRules reads the rule files of folders and single files into one set, with
// their paths as the arguments begin them.
func loadRules(paths []string) (*sigma.Set, error) {
	all := new(sigma.Set)
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, usagef("open rules: %w", err)
		}
		dir, root := p, "."
		if !info.IsDir() {
			dir, root = filepath.Split(p)
			if dir == "" {
				dir = "."
			}
		}
		set, err := sigma.Load(os.DirFS(dir), root)
		if err != nil {
			return nil, err
		}
		for _, f := range set.Files {
			f.Rebase(filepath.Join(dir, f.Path))
			all.Add(f)
		}
	}
	return all, nil
}

// readBounded reads at most one byte more than a file of rules may have.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, sigma.MaxFile+1))
}
