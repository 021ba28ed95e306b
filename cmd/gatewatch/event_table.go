package main

import (
	"bufio"
	"io"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// tableColumns are the fields of a table of events unless the query keeps others.
// A table shows those of them that tell something: a source.ip beside another
// client.ip, an error.message where a row has one.
var tableColumns = []event.Key{
	event.Timestamp, event.EventDataset, event.GatewatchSource, event.ClientIP, event.SourceIP, event.EventOutcome,
	event.Message, event.ErrorMessage,
}

// csvColumns are the fields of CSV unless the query keeps others. They are
// always the same, so that files can be joined.
var csvColumns = []event.Key{
	event.Timestamp, event.EventDataset, event.GatewatchSource, event.ClientIP, event.SourceIP, event.EventOutcome,
	event.Message, event.EventID, event.EventAction, event.HTTPRequestMethod, event.URLOriginal,
	event.HTTPResponseStatusCode, event.URLPath, event.UserName, event.WAFSite, event.WAFMode, event.WAFDecision,
	event.WAFAction, event.WAFAnomalyScore, event.WAFReason, event.RuleID, event.ErrorMessage, event.EventOriginal,
}

// tableEvents prints events as rows.
type tableEvents struct {
	t       *table
	columns []event.Key
}

// newTableEvents makes a writer of a table or CSV; nil columns are the usual ones.
func newTableEvents(w io.Writer, b *bufio.Writer, format string, columns []event.Key) *tableEvents {
	usual := columns == nil
	if usual {
		columns = tableColumns
		if format == outCSV {
			columns = csvColumns
		}
	}
	t := &tableEvents{t: newTable(b, format, names(columns)), columns: columns}
	t.t.width = terminalWidth(w)
	if usual {
		t.t.choose = chooseColumns
	}
	return t
}

func names(columns []event.Key) []string {
	all := make([]string, len(columns))
	for i, k := range columns {
		all[i] = k.String()
	}
	return all
}

func (t *tableEvents) Write(e *event.Event) error {
	row := make([]string, len(t.columns))
	for i, k := range t.columns {
		row[i] = cell(e, k)
	}
	return t.t.Write(row)
}

func (t *tableEvents) Flush() error { return t.t.Flush() }

func (t *tableEvents) Close() error { return t.t.Close() }

// cell is the text of a field in a table. Events without a message show their
// original line.
func cell(e *event.Event, k event.Key) string {
	if k == event.Timestamp {
		return string(event.AppendTime(nil, e.Time))
	}
	var parts []string
	for v := range e.Values(k) {
		parts = append(parts, v.String())
	}
	if len(parts) == 0 && k == event.Message {
		return string(e.Raw)
	}
	return strings.Join(parts, ", ")
}

// Places in tableColumns.
const (
	columnDataset = 1
	columnSource  = 2
	columnClient  = 3
	columnPeer    = 4
	columnOutcome = 5
	columnMessage = 6
)

// minMessage is the width that the message keeps by dropping other columns.
const minMessage = 40

// chooseColumns picks the columns of tableColumns that tell something in these
// rows and leave the message room. A source.ip that is the client.ip is emptied.
func chooseColumns(rows [][]string, width int) []int {
	widths := make([]int, len(tableColumns))
	for _, row := range rows {
		if row[columnPeer] == row[columnClient] {
			row[columnPeer] = ""
		}
		for i, s := range row {
			widths[i] = max(widths[i], textWidth(s))
		}
	}
	drop := map[int]bool{}
	for i, n := range widths {
		drop[i] = n == 0 && len(rows) > 0 && i != columnMessage
	}
	for _, c := range []int{columnOutcome, columnSource, columnDataset, columnPeer} {
		used := 0
		for i, n := range widths {
			if !drop[i] && i < columnMessage {
				used += max(n, len(tableColumns[i].String())) + cellGap
			}
		}
		if width > 0 && used+min(widths[columnMessage], minMessage) > width {
			drop[c] = true
		}
	}
	var columns []int
	for i := range tableColumns {
		if !drop[i] {
			columns = append(columns, i)
		}
	}
	return columns
}
