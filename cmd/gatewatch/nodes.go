package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// nodeJSON is a node of the REST API.
type nodeJSON struct {
	Name      string   `json:"name"`
	Connected bool     `json:"connected"`
	Sites     []string `json:"sites"`
	Ruleset   string   `json:"ruleset"`
	Bundle    string   `json:"bundle"`
	Candidate string   `json:"candidate_bundle"`
	Version   string   `json:"version"`
	Records   int64    `json:"spool_records"`
	Lag       int64    `json:"lag_ms"`
	Refused   int64    `json:"spool_overflow"`
	Seen      string   `json:"last_seen_time"`
}

var nodeColumns = []string{
	"name", "connected", "sites", "ruleset", "bundle", "candidate", "version", "spool_records", "lag_seconds", "spool_refused", "last_seen",
}

func (n *nodeJSON) row() []json.RawMessage {
	lag := strconv.FormatFloat((time.Duration(n.Lag) * time.Millisecond).Seconds(), 'f', -1, 64)
	return []json.RawMessage{
		quoted(n.Name), json.RawMessage(strconv.FormatBool(n.Connected)), quoted(strings.Join(n.Sites, " ")), quoted(n.Ruleset), quoted(n.Bundle),
		quoted(n.Candidate), quoted(n.Version), number(n.Records), json.RawMessage(lag), number(n.Refused), quoted(n.Seen),
	}
}

func newNodes() *cobra.Command {
	var r remote
	var output string
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "List WAF nodes: rules in use, what waits in their spools, how far they are behind",
		Long: `Lists WAF nodes. lag_seconds is how old the oldest record is that a node has and the
server does not, as the node told when it was last seen; spool_refused are records
that its full spool could not take. Exits with 1 if a node is not connected or has
lost records.`,
		Example: `  gatewatch nodes
  gatewatch nodes -o csv`,
		Args: noArgs,
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.connect(); err != nil {
			return err
		}
		var rows [][]json.RawMessage
		ill := 0
		for token := ""; ; {
			var page struct {
				Nodes []nodeJSON `json:"nodes"`
				Next  string     `json:"next_page_token"`
			}
			if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/nodes?page_size=1000&page_token="+url.QueryEscape(token), nil, &page); err != nil {
				return err
			}
			for i := range page.Nodes {
				n := &page.Nodes[i]
				if !n.Connected || n.Refused > 0 {
					ill++
				}
				rows = append(rows, n.row())
			}
			if token = page.Next; token == "" {
				break
			}
		}
		if err := writeRows(cmd.OutOrStdout(), output, nodeColumns, rows); err != nil {
			return err
		}
		if ill > 0 {
			return fmt.Errorf("%s not connected, or with records that its spool refused", count(ill, "node"))
		}
		return nil
	}
	return cmd
}
