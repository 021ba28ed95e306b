package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Output formats of all commands.
const (
	outTable  = "table"
	outNDJSON = "ndjson"
	outJSON   = "json"
	outCSV    = "csv"
)

func addOutput(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "", "table, ndjson, json or csv (default: table on a terminal, else ndjson)")
}

// outputFormat resolves the flag: tables on a terminal, NDJSON otherwise.
func outputFormat(w io.Writer, flag string) (string, error) {
	switch flag {
	case outTable, outNDJSON, outJSON, outCSV:
		return flag, nil
	case "":
		if isTerminal(w) {
			return outTable, nil
		}
		return outNDJSON, nil
	}
	return "", usagef("unknown output %q; known are table, ndjson, json, csv", flag)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// eventWriter prints events. Close completes the output.
type eventWriter interface {
	Write(e *event.Event) error
	Close() error
}

// newEventWriter makes a writer of the format that the flag names. columns are
// the fields of tables and CSV; nil takes the ones that tell most.
func newEventWriter(w io.Writer, flag string, columns []event.Key) (eventWriter, error) {
	format, err := outputFormat(w, flag)
	if err != nil {
		return nil, err
	}
	b := bufio.NewWriterSize(w, 1<<16)
	switch format {
	case outNDJSON:
		return &jsonEvents{w: b, after: "\n"}, nil
	case outJSON:
		return &jsonEvents{w: b, open: "[\n", before: ",\n", end: "\n]\n"}, nil
	case outCSV:
		if columns == nil {
			columns = csvColumns
		}
		return &tableEvents{t: newTable(b, format, names(columns)), columns: columns}, nil
	}
	if columns == nil {
		columns = tableColumns
	}
	return &tableEvents{t: newTable(b, format, names(columns)), columns: columns}, nil
}

var (
	tableColumns = []event.Key{event.Timestamp, event.EventDataset, event.GatewatchSource, event.ClientIP, event.SourceIP, event.EventOutcome, event.Message}
	csvColumns   = append(append([]event.Key(nil), tableColumns...), event.EventID, event.EventAction, event.HTTPRequestMethod,
		event.URLOriginal, event.HTTPResponseStatusCode, event.UserName, event.WAFDecision, event.WAFAction, event.RuleID, event.EventOriginal)
)

func names(columns []event.Key) []string {
	all := make([]string, len(columns))
	for i, k := range columns {
		all[i] = k.String()
	}
	return all
}

type jsonEvents struct {
	w                        *bufio.Writer
	open, before, after, end string
	buf                      []byte
	n                        int
}

func (j *jsonEvents) Write(e *event.Event) error {
	j.buf = j.buf[:0]
	if j.n == 0 {
		j.buf = append(j.buf, j.open...)
	} else {
		j.buf = append(j.buf, j.before...)
	}
	j.n++
	j.buf = e.AppendJSON(j.buf)
	j.buf = append(j.buf, j.after...)
	_, err := j.w.Write(j.buf)
	return err
}

func (j *jsonEvents) Close() error {
	if j.n == 0 {
		j.w.WriteString(strings.TrimSuffix(j.open, "\n"))
		j.w.WriteString(strings.TrimPrefix(j.end, "\n"))
	} else {
		j.w.WriteString(j.end)
	}
	return j.w.Flush()
}

type tableEvents struct {
	t       *table
	columns []event.Key
}

func (t *tableEvents) Write(e *event.Event) error {
	row := make([]string, len(t.columns))
	for i, k := range t.columns {
		row[i] = cell(e, k)
	}
	return t.t.Write(row)
}

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

// table prints rows as an aligned table or as CSV. Text of an attacker can
// neither steer the terminal nor be a formula of a spreadsheet.
type table struct {
	w   *bufio.Writer
	tab *tabwriter.Writer
	csv *csv.Writer
}

func newTable(w *bufio.Writer, format string, header []string) *table {
	t := &table{w: w}
	if format == outCSV {
		t.csv = csv.NewWriter(w)
		t.csv.Write(header)
		return t
	}
	t.tab = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t.tab, strings.ToUpper(strings.Join(header, "\t")))
	return t
}

// maxCell bounds the width of a cell on a terminal, in characters.
const maxCell = 120

func (t *table) Write(row []string) error {
	if t.csv != nil {
		for i, s := range row {
			row[i] = guardFormula(strings.Map(visible, s))
		}
		return t.csv.Write(row)
	}
	for i, s := range row {
		s = printable(s)
		if utf8.RuneCountInString(s) > maxCell {
			s = string([]rune(s)[:maxCell-1]) + "…"
		}
		row[i] = s
	}
	_, err := fmt.Fprintln(t.tab, strings.Join(row, "\t"))
	return err
}

func (t *table) Close() error {
	if t.csv != nil {
		t.csv.Flush()
		if err := t.csv.Error(); err != nil {
			return err
		}
	} else if err := t.tab.Flush(); err != nil {
		return err
	}
	return t.w.Flush()
}

// guardFormula keeps a spreadsheet from reading a cell as a formula.
func guardFormula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// printable replaces what would steer a terminal: control characters, escape
// sequences, characters that turn the direction of text, and bytes that are not
// UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return '·'
		}
		return visible(r)
	}, s)
}

// visible replaces a character as printable does, but for line breaks and tabs.
func visible(r rune) rune {
	switch {
	case r == utf8.RuneError:
		return '\ufffd'
	case r == '\n' || r == '\t':
		return r
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
		return '·'
	}
	return r
}
