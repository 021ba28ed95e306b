package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

const pipelineUsage = "file of a processing pipeline, or one that is built in: ecs for all of them, webserver, proxy, nginx, apache, modsecurity, linux; may be given several times"

// loadPipelines reads the pipelines that --pipeline names into one, nil for none.
// What they hold without effect is said on standard error.
func loadPipelines(cmd *cobra.Command, names []string) (*sigma.Pipeline, error) {
	if len(names) == 0 {
		return nil, nil
	}
	var list []*sigma.Pipeline
	for _, name := range names {
		if name == "ecs" {
			for _, builtin := range sigma.ShippedPipelines() {
				p, err := loadPipeline(builtin)
				if err != nil {
					return nil, err
				}
				list = append(list, p)
			}
			continue
		}
		p, err := loadPipeline(name)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	all := sigma.JoinPipelines(list...)
	for _, w := range all.Warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", printable(w.Error()))
	}
	return all, nil
}

// loadPipeline reads a file, or the pipeline that is built in under a name.
func loadPipeline(name string) (*sigma.Pipeline, error) {
	text, ok := sigma.ShippedPipeline(name)
	if !ok {
		var err error
		if text, err = readBounded(name); err != nil {
			return nil, usagef("open pipeline: %w; built in are ecs, %s", err, strings.Join(slices.Sorted(slices.Values(sigma.ShippedPipelines())), ", "))
		}
	}
	p, perr := sigma.ParsePipeline(name, text)
	if perr != nil {
		return nil, fmt.Errorf("read pipeline: %w", perr)
	}
	return p, nil
}
