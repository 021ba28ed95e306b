package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
)

// auditColumns are those of audit list.
var auditColumns = []string{"index", "time", "actor", "act", "object", "detail", "hash"}

func auditRow(i int64, l audit.Leaf) []json.RawMessage {
	detail, err := json.Marshal(l.Detail)
	if err != nil {
		detail = []byte("{}") // a map of texts has JSON
	}
	row := []json.RawMessage{json.RawMessage(strconv.FormatInt(i, 10))}
	for _, cell := range []string{l.Time.UTC().Format(time.RFC3339Nano), l.Actor, l.Act, l.Object} {
		row = append(row, event.AppendQuoted(nil, cell))
	}
	return append(row, detail, event.AppendQuoted(nil, l.Hash))
}

func newAuditList() *cobra.Command {
	var a auditLog
	var output, act string
	var from, limit int64
	cmd := &cobra.Command{
		Use:   "list [--data DIR] [--act ACT] [--from INDEX] [--limit N]",
		Short: "List the leaves of the audit log, which is verified on the way",
		Example: `  gatewatch audit list --data /var/lib/gatewatch
  gatewatch audit list --act token. --limit 20
  gatewatch audit list --from 1000 -o csv`,
		Args: noArgs,
	}
	a.flags(cmd)
	addOutput(cmd, &output)
	cmd.Flags().StringVar(&act, "act", "", "only acts that begin so, such as token. or alert.update")
	cmd.Flags().Int64Var(&from, "from", 0, "index of the first leaf")
	cmd.Flags().Int64Var(&limit, "limit", 1000, "the newest so many; 0 lists all")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if from < 0 || limit < 0 {
			return usagef("--from and --limit must not be negative")
		}
		var rows [][]json.RawMessage
		_, err := a.read(cmd.Context(), func(i int64, l audit.Leaf) error {
			if i < from || !strings.HasPrefix(l.Act, act) {
				return nil
			}
			if rows = append(rows, auditRow(i, l)); limit > 0 && int64(len(rows)) > limit {
				rows = rows[1:]
			}
			return nil
		})
		if err != nil && broken(err) == nil {
			return err
		}
		// What is before a break can be trusted, and is what one wants to see then.
		if writeErr := writeRows(cmd.OutOrStdout(), output, auditColumns, rows); writeErr != nil {
			return writeErr
		}
		return err
	}
	return cmd
}

func newAuditShow() *cobra.Command {
	var a auditLog
	cmd := &cobra.Command{
		Use:     "show INDEX [--data DIR]",
		Short:   "Print one leaf of the audit log as JSON",
		Example: `  gatewatch audit show 12 --data /var/lib/gatewatch`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("give the index of one leaf, see gatewatch audit list")
			}
			return nil
		},
	}
	a.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		want, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || want < 0 {
			return usagef("index %q is no number", args[0])
		}
		var found *audit.Leaf
		checked, err := a.read(cmd.Context(), func(i int64, l audit.Leaf) error {
			if i == want {
				found = &l
			}
			return nil
		})
		if found == nil {
			if err != nil {
				return err
			}
			return usagef("there is no leaf %d: the log has %d", want, checked.Leaves)
		}
		b, encodeErr := json.MarshalIndent(found, "", "  ")
		if encodeErr != nil {
			return encodeErr
		}
		if _, writeErr := cmd.OutOrStdout().Write(append(b, '\n')); writeErr != nil {
			return writeErr
		}
		return err
	}
	return cmd
}
