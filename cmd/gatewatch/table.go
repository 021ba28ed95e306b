package main

import (
	"bufio"
	"encoding/csv"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"github.com/gatewatch/gatewatch/services/sheet"
)

// table prints rows as an aligned table or as CSV. Text of an attacker can
// neither steer the terminal nor be a formula of a spreadsheet.
//
// A table is laid out tableRows at a time, so that any number of rows takes
// bounded memory. With a width no line is longer than it: the widest columns are
// cut first.
type table struct {
	w      *bufio.Writer
	csv    *csv.Writer // nil for an aligned table
	header []string
	width  int // of the terminal in columns, 0 for none
	// choose picks the columns to print of a run of rows, as indices; nil for all.
	choose func(rows [][]string, width int) []int

	rows    [][]string
	printed []int // columns of the header printed last
}

const (
	tableRows = 1000 // laid out together
	maxCell   = 120  // width of a cell unless the terminal is wider
	cellGap   = 2
)

func newTable(w *bufio.Writer, format string, header []string) *table {
	t := &table{w: w, header: header}
	if format == outCSV {
		t.csv = csv.NewWriter(w)
		t.csv.Write(header)
		return t
	}
	t.header = make([]string, len(header))
	for i, name := range header {
		t.header[i] = printable(strings.ToUpper(name))
	}
	return t
}

// terminalWidth returns the columns of a terminal, 0 if w is none.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok && isTerminal(w) {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 0
}

// Write takes over the row.
func (t *table) Write(row []string) error {
	if t.csv != nil {
		for i, s := range row {
			row[i] = sheet.Cell(s)
		}
		return t.csv.Write(row)
	}
	for i, s := range row {
		row[i] = clip(printable(s), max(maxCell, t.width))
	}
	t.rows = append(t.rows, row)
	if len(t.rows) < tableRows {
		return nil
	}
	return t.layOut()
}

// Flush prints the rows at hand.
func (t *table) Flush() error {
	if t.csv != nil {
		t.csv.Flush()
		if err := t.csv.Error(); err != nil {
			return err
		}
		return t.w.Flush()
	}
	if len(t.rows) == 0 {
		return nil
	}
	return t.layOut()
}

func (t *table) Close() error {
	if t.csv != nil {
		t.csv.Flush()
		if err := t.csv.Error(); err != nil {
			return err
		}
		return t.w.Flush()
	}
	if len(t.rows) > 0 || t.printed == nil {
		if err := t.layOut(); err != nil {
			return err
		}
	}
	return t.w.Flush()
}

// layOut prints the rows at hand, below a header where that has changed.
func (t *table) layOut() error {
	columns := make([]int, len(t.header))
	for i := range columns {
		columns[i] = i
	}
	if t.choose != nil {
		columns = t.choose(t.rows, t.width)
	}
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = textWidth(t.header[c])
		for _, row := range t.rows {
			widths[i] = max(widths[i], textWidth(row[c]))
		}
	}
	fit(widths, t.width)
	if t.printed == nil || !slices.Equal(columns, t.printed) {
		t.line(t.header, columns, widths)
		t.printed = columns
	}
	for _, row := range t.rows {
		t.line(row, columns, widths)
	}
	t.rows = t.rows[:0]
	return t.w.Flush()
}

// fit lowers the widest of the columns until a line is no longer than width.
func fit(widths []int, width int) {
	if width <= 0 {
		return
	}
	room := max(width-cellGap*(len(widths)-1), len(widths))
	total := 0
	for _, n := range widths {
		total += n
	}
	for ; total > room; total-- {
		widest := 0
		for i, n := range widths {
			if n >= widths[widest] {
				widest = i
			}
		}
		widths[widest]--
	}
}

// line prints one line; errors stay in the writer until its next Flush.
func (t *table) line(cells []string, columns, widths []int) {
	gap := 0
	for i, c := range columns {
		text := clip(cells[c], widths[i])
		for range gap {
			t.w.WriteByte(' ')
		}
		t.w.WriteString(text)
		gap = widths[i] - textWidth(text) + cellGap
	}
	t.w.WriteByte('\n')
}

// clip cuts a text to a width and marks that.
func clip(s string, most int) string {
	if len(s) <= most || textWidth(s) <= most {
		return s
	}
	at := 0
	for i, r := range s {
		if at += runeWidth(r); at > most-1 {
			return s[:i] + "…"
		}
	}
	return s
}

func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// runeWidth is the number of columns that a character takes on a terminal.
func runeWidth(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// printable replaces what would steer a terminal: control characters, escape
// sequences, characters that turn the direction of text, and bytes that are not
// UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return '·'
		}
		return sheet.Visible(r)
	}, s)
}
