package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/archive"
)

// archiveOutput prints archives: a line of text for each, at once, or rows.
type archiveOutput struct {
	flag string // "" for text
	rows [][]json.RawMessage
}

func (o *archiveOutput) bind(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.flag, "output", "o", "", "table, ndjson, json or csv (default: a line of text for each archive)")
}

// check tells early that there is no such format.
func (o *archiveOutput) check(cmd *cobra.Command) error {
	_, err := outputFormat(cmd.OutOrStdout(), o.flag)
	return err
}

// archiveColumns are those of rows of archives.
var archiveColumns = []string{"name", "folder", "stream", "events", "bytes", "first", "last", "status"}

// add prints an archive or keeps its row. The status is that of a verification, ""
// without one.
func (o *archiveOutput) add(cmd *cobra.Command, dir string, m *archive.Manifest, status string) {
	if o.flag == "" {
		line := archiveLine(dir, m)
		if status != "" {
			line = status + " " + line
		}
		fmt.Fprintln(cmd.OutOrStdout(), line)
		return
	}
	text := func(s string) json.RawMessage { return event.AppendQuoted(nil, s) }
	number := func(n int64) json.RawMessage { return strconv.AppendInt(nil, n, 10) }
	o.rows = append(o.rows, []json.RawMessage{
		text(m.Name), text(dir), text(m.Stream), number(m.Rows), number(m.Bytes),
		text(m.First.Format(time.RFC3339)), text(m.Last.Format(time.RFC3339)), text(status),
	})
}

// close prints the rows.
func (o *archiveOutput) close(cmd *cobra.Command) error {
	if o.flag == "" {
		return nil
	}
	return writeRows(cmd.OutOrStdout(), o.flag, archiveColumns, o.rows)
}
