package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/sigma"
	pack "github.com/gatewatch/gatewatch/rules"
	"github.com/gatewatch/gatewatch/services/rules"
)

// rulesFlags say what is done to rules before they are used.
type rulesFlags struct {
	pipelines []string
	overlay   string
	pack      bool

	packFiles map[string]bool // paths of those that came from the pack
}

func (f *rulesFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.pipelines, "pipeline", nil, pipelineUsage)
	cmd.Flags().StringVar(&f.overlay, "overlay", "", "file that disables or silences rules, changes their levels or adds filters, as the server's rules.overlay")
	cmd.Flags().BoolVar(&f.pack, "pack", false, "add the rules that come with Gatewatch, as the server's rules.pack does")
}

// packRoot begins the paths of the rules that come with Gatewatch.
const packRoot = "pack"

// sources reads the rules of folders and single files, the pack, and the pipelines,
// but not the overlay. What the pipelines hold without effect, and where there is no
// rule, is said on standard error.
func (f *rulesFlags) sources(cmd *cobra.Command, paths []string) (rules.Sources, error) {
	sources := rules.Sources{Set: new(sigma.Set)}
	for _, p := range paths {
		set, err := rules.Load(p)
		if err != nil {
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
				err = usagef("open rules: %w", err)
			}
			return sources, err
		}
		documents := 0
		for _, file := range set.Files {
			sources.Set.Add(file)
			documents += len(file.Documents)
		}
		if documents == 0 && !isOverlay(p) {
			fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s: no rule is there; rules are in files that end in .yml or .yaml\n", printable(p))
		}
	}
	if f.pack {
		set, err := sigma.Load(pack.FS, ".")
		if err != nil {
			return sources, err
		}
		f.packFiles = map[string]bool{}
		for _, file := range set.Files {
			file.Rebase(path.Join(packRoot, file.Path))
			f.packFiles[file.Path] = true
			sources.Set.Add(file)
		}
	}
	var err error
	sources.Pipeline, err = loadPipelines(cmd, f.pipelines)
	return sources, err
}

// readOverlay reads the overlay, nil if there is none. An error with a place is of
// its content.
func (f *rulesFlags) readOverlay() (*rules.Overlay, error) {
	if f.overlay == "" {
		return nil, nil
	}
	text, err := readBounded(f.overlay)
	if err != nil {
		return nil, usagef("open overlay: %w", err)
	}
	return rules.ReadOverlay(f.overlay, text)
}

// build reads the rules of folders and single files and makes one rule set of them
// as a server does. What may not be meant is said on standard error.
func (f *rulesFlags) build(cmd *cobra.Command, paths []string, options sigma.Options) (*rules.Built, error) {
	sources, err := f.sources(cmd, paths)
	if err != nil {
		return nil, err
	}
	if sources.Overlay, err = f.readOverlay(); err != nil {
		return nil, err
	}
	built := sources.Build(options)
	for _, w := range built.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", printable(w.Error()))
	}
	return built, nil
}

// reject says on standard error which documents cannot be honoured.
func reject(cmd *cobra.Command, rejected []*sigma.Error) {
	for _, e := range rejected {
		fmt.Fprintf(cmd.ErrOrStderr(), "rejected: %s\n", printable(e.Error()))
	}
}

// isOverlay tells whether a file holds an overlay.
func isOverlay(name string) bool {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	text, err := readBounded(name)
	return err == nil && rules.IsOverlay(text)
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
