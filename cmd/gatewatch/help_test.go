package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandExplainsItself wants of each command a summary and an example that
// names it, and all of that in its help.
func TestEveryCommandExplainsItself(t *testing.T) {
	n := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		n++
		path := c.CommandPath()
		if c.Short == "" {
			t.Errorf("%s has no summary", path)
		}
		if !strings.Contains(c.Example, path) {
			t.Errorf("%s has no example", path)
		}
		var out, errs bytes.Buffer
		args := append(strings.Fields(path)[1:], "--help")
		if code := run(t.Context(), args, nil, &out, &errs); code != exitOK || !strings.Contains(out.String(), c.Example) {
			t.Errorf("%s --help: exit code %d, %s%s", path, code, out.String(), errs.String())
		}
		out.Reset()
		args[len(args)-1] = "--no-such-flag"
		code := run(t.Context(), args, nil, &out, &errs)
		if want := "unknown flag: --no-such-flag; see " + path + " --help"; code != exitUsage || !strings.Contains(errs.String(), want) || out.Len() > 0 {
			t.Errorf("%s with an unknown flag: exit code %d, %s%s", path, code, out.String(), errs.String())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
	if n < 10 {
		t.Errorf("only %d commands", n)
	}
}
