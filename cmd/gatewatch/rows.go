package main

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// writeTable prints the table of an aggregation.
func writeTable(w io.Writer, flag string, t *query.Table) error {
	rows := make([][]json.RawMessage, len(t.Rows))
	for i, row := range t.Rows {
		for _, v := range row {
			rows[i] = append(rows[i], v.AppendJSON(nil))
		}
	}
	return writeRows(w, flag, t.Columns, rows)
}

// writeRows prints rows whose values are JSON: one object a row, or a table.
func writeRows(w io.Writer, flag string, columns []string, rows [][]json.RawMessage) error {
	return writeLeading(w, flag, columns, nil, rows)
}

// writeLeading does so too. A terminal gets as many of the first columns as have
// room for what each needs; nil needs show all.
func writeLeading(w io.Writer, flag string, columns []string, need []int, rows [][]json.RawMessage) error {
	format, err := outputFormat(w, flag)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 1<<16)
	if format == outTable || format == outCSV {
		t := newTable(b, format, columns)
		t.width = terminalWidth(w)
		if need != nil && t.width > 0 {
			t.choose = func(rows [][]string, width int) []int { return leading(t.header, need, rows, width) }
		}
		for _, row := range rows {
			cells := make([]string, len(row))
			for i, v := range row {
				cells[i] = plain(v)
			}
			if err := t.Write(cells); err != nil {
				return err
			}
		}
		return t.Close()
	}
	before, end := "", "\n"
	if format == outJSON {
		b.WriteString("[")
		before, end = ",", "]\n"
	}
	for i, row := range rows {
		if i > 0 {
			b.WriteString(before + "\n")
		}
		b.Write(appendRow(nil, columns, row))
	}
	if len(rows) > 0 || format == outJSON {
		b.WriteString(end)
	}
	return b.Flush()
}

// leading picks the first columns that have room.
func leading(header []string, need []int, rows [][]string, width int) []int {
	var chosen []int
	total := 0
	for i := range header {
		widest := textWidth(header[i])
		for _, row := range rows {
			widest = max(widest, textWidth(row[i]))
		}
		if total += min(widest, need[i]) + cellGap; total-cellGap > width && len(chosen) > 0 {
			break
		}
		chosen = append(chosen, i)
	}
	return chosen
}

func appendRow(dst []byte, columns []string, row []json.RawMessage) []byte {
	dst = append(dst, '{')
	for i, v := range row {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = event.AppendQuoted(dst, columns[i])
		dst = append(dst, ':')
		dst = append(dst, v...)
	}
	return append(dst, '}')
}

// plain is the text of a JSON value in a cell.
func plain(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	if string(v) == "null" {
		return ""
	}
	return decimal(string(v))
}

// decimal writes a number without an exponent, unless that would be long.
func decimal(s string) string {
	if !strings.ContainsAny(s, "eE") {
		return s
	}
	n, err := strconv.ParseFloat(s, 64)
	if size := math.Abs(n); err != nil || size >= 1e21 || size < 1e-9 && n != 0 {
		return s
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
