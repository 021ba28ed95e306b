package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/store/query"
)

// maxTailLine bounds one line of a tail: an event of the largest record, escaped.
const maxTailLine = 64 << 20

func newTail() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "tail [--server URL] [FILTER]",
		Short: "Show events as they are stored",
		Long: `Prints the events that match as the server stores them, from now on until Ctrl-C, in
the order in which they came in. Where more come than can be read, some are left
out; how many is said. gatewatch query --follow does the same.`,
		Example: `  gatewatch tail
  gatewatch tail 'waf.decision: block' -o table
  gatewatch tail 'event.dataset: nginx.access and http.response.status_code >= 500'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one filter; quote it for the shell")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.tail(cmd, strings.Join(args, ""))
		},
	}
	addRemote(cmd, &f.remote)
	addOutput(cmd, &f.output)
	return cmd
}

// tail prints events until the command is interrupted, which is no error.
func (f *queryFlags) tail(cmd *cobra.Command, text string) error {
	q, err := query.Parse(text, time.Now())
	if err != nil {
		return usageError{err}
	}
	if f.data != "" || f.archive != "" || f.from != "" || f.to != "" {
		return usagef("a tail begins now, at a server: give neither --data, --archive, --from nor --to")
	}
	for _, p := range q.Pipes {
		if _, ok := p.(*query.Where); !ok {
			return usagef("a tail takes a filter, without | %s", p)
		}
	}
	format, err := outputFormat(cmd.OutOrStdout(), f.output)
	if err != nil {
		return err
	}
	if format == outJSON {
		return usagef("a tail has no end, and so no -o json: use ndjson")
	}
	if err := f.connect(); err != nil {
		return err
	}
	out, err := newEventWriter(cmd.OutOrStdout(), f.output, nil)
	if err != nil {
		return err
	}
	err = f.follow(cmd, q, out)
	if cmd.Context().Err() != nil {
		err = nil
	}
	return errors.Join(err, out.Close())
}

// follow reads a tail and prints it, at once where nothing more has come in.
func (f *queryFlags) follow(cmd *cobra.Command, q *query.Query, out eventWriter) error {
	res, err := f.openTail(cmd.Context(), q.Where().String())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	r := bufio.NewReaderSize(res.Body, 64<<10)
	fmt.Fprintln(cmd.ErrOrStderr(), "waiting for events; Ctrl-C ends")
	for {
		line, err := readLine(r)
		if err != nil {
			return fmt.Errorf("the tail ended: %w", err)
		}
		if len(line) > 0 {
			if err := tailed(cmd, line, out); err != nil {
				return err
			}
		}
		if r.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// openTail begins a tail, which has no time limit.
func (f *queryFlags) openTail(ctx context.Context, filter string) (*http.Response, error) {
	body, err := json.Marshal(map[string]string{"query": filter})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.server+"/api/v1/tail", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	f.http.Timeout = 0
	return f.send(req)
}

// readLine reads a line of bounded length, without its end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) < maxTailLine:
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("a line is longer than %d bytes", maxTailLine)
		default:
			return bytes.TrimSpace(line), err
		}
	}
}

// tailed prints one line of a tail: an event, or why the tail ends.
func tailed(cmd *cobra.Command, line []byte, out eventWriter) error {
	var item struct {
		Event  json.RawMessage `json:"event"`
		Missed int64           `json:"missed"`
		Error  *problem        `json:"error"`
	}
	if err := json.Unmarshal(line, &item); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if item.Event == nil {
		if item.Error != nil {
			return fmt.Errorf("server ended the tail: %s", item.Error.Detail)
		}
		return fmt.Errorf("server ended the tail: %s", line)
	}
	if item.Missed > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %d events were left out: they came faster than they were read\n", item.Missed)
	}
	var d event.Decoder
	var e event.Event
	if err := d.Decode(item.Event, &e); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return out.Write(&e)
}
