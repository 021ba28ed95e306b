package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// groupColumns are those of rules groups.
var groupColumns = []string{"group", "value", "holds", "events", "first", "last", "fired"}

func newRulesGroups() *cobra.Command {
	var r remote
	var output string
	var limit int
	cmd := &cobra.Command{
		Use:   "groups ID",
		Short: "Show what a correlation follows now",
		Long: `Shows the groups of a correlation in a running server, those with the newest events
first: the fields that it groups by with their values, what its condition compares
and whether it holds, how many events are kept, the first and last of them in the
timespan, and the event at which it last gave a finding.`,
		Example: `  gatewatch rules groups c9850a2a-b94f-4f1a-945f-07c3268f3c09`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("rules groups: give the id of one correlation")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef("--limit: want a positive number")
			}
			if err := r.connect(); err != nil {
				return err
			}
			rows, err := listGroups(cmd, &r, args[0], limit)
			if err != nil {
				return err
			}
			return writeRows(cmd.OutOrStdout(), output, groupColumns, rows)
		},
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many groups to show")
	return cmd
}

// groupJSON is a group as the REST API shows it.
type groupJSON struct {
	Members []struct{ Field, Value string } `json:"members"`
	Value   json.RawMessage                 `json:"value"`
	Holds   bool                            `json:"holds"`
	Events  int                             `json:"events"`
	First   time.Time                       `json:"first_time"`
	Last    time.Time                       `json:"last_time"`
	Fired   time.Time                       `json:"fired_time"`
}

// listGroups returns the rows of at most so many groups.
func listGroups(cmd *cobra.Command, r *remote, id string, limit int) ([][]json.RawMessage, error) {
	var rows [][]json.RawMessage
	for token := ""; ; {
		var page struct {
			Groups []groupJSON `json:"groups"`
			Next   string      `json:"next_page_token"`
		}
		query := url.Values{"page_size": {strconv.Itoa(limit - len(rows))}, "page_token": {token}}
		path := "/api/v1/rules/" + url.PathEscape(id) + "/groups?" + query.Encode()
		if err := r.call(cmd.Context(), http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		for i := range page.Groups {
			rows = append(rows, page.Groups[i].row())
		}
		if token = page.Next; token == "" || len(rows) >= limit {
			return rows, nil
		}
	}
}

func (g *groupJSON) row() []json.RawMessage {
	members := make([]string, len(g.Members))
	for i, m := range g.Members {
		members[i] = m.Field + "=" + m.Value
	}
	fired := ""
	if !g.Fired.IsZero() {
		fired = g.Fired.UTC().Format(time.RFC3339)
	}
	row := []json.RawMessage{nil, g.Value, nil, nil, nil, nil, nil}
	for i, v := range []any{strings.Join(members, " "), nil, g.Holds, g.Events, g.First.UTC().Format(time.RFC3339), g.Last.UTC().Format(time.RFC3339), fired} {
		if i != 1 {
			row[i], _ = json.Marshal(v) // texts, numbers and truth values have JSON
		}
	}
	return row
}
