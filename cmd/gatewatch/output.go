package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

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

// isTerminal tells whether a stream is one.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// eventWriter prints events. Flush prints those at hand, Close completes the output.
type eventWriter interface {
	Write(e *event.Event) error
	Flush() error
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
	}
	return newTableEvents(w, b, format, columns), nil
}

// jsonLines returns what prints values as NDJSON, or as the items of one JSON list,
// and what ends that.
func jsonLines[T any](w *bufio.Writer, format string) (write func(*T) error, done func() error) {
	before, end := "", ""
	if format == outJSON {
		before, end = "[", "[]\n"
	}
	return func(v *T) error {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if err := e.Encode(v); err != nil {
				return fmt.Errorf("encode output: %w", err)
			}
			line := b.Bytes()
			if format == outJSON {
				line, end = bytes.TrimSuffix(line, []byte("\n")), "]\n"
			}
			w.WriteString(before)
			if format == outJSON {
				before = ",\n"
			}
			_, err := w.Write(line)
			return err
		}, func() error {
			w.WriteString(end)
			return w.Flush()
		}
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

func (j *jsonEvents) Flush() error { return j.w.Flush() }

func (j *jsonEvents) Close() error {
	if j.n == 0 {
		j.w.WriteString(strings.TrimSuffix(j.open, "\n"))
		j.w.WriteString(strings.TrimPrefix(j.end, "\n"))
	} else {
		j.w.WriteString(j.end)
	}
	return j.w.Flush()
}
