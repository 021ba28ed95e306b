package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
)

func newAlerts() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "List alerts, acknowledge and close them, and see who is told of them",
		Example: `  gatewatch alerts list 'alert.status: new and event.severity >= 70'
  gatewatch alerts close ID --note 'known scanner'
  gatewatch alerts notify-test`,
	}
	cmd.AddCommand(
		newAlertsList(),
		newAlertsUpdate("ack", "ACKNOWLEDGED", "Acknowledge alerts: say that you are at them"),
		newAlertsUpdate("close", "CLOSED", "Close alerts"),
		newAlertsUpdate("reopen", "NEW", "Make alerts new again"),
		newAlertsNotifications(),
		newAlertsNotifyTest(),
	)
	return cmd
}

// alertJSON is an alert of the REST API.
type alertJSON struct {
	ID       string    `json:"id"`
	Status   string    `json:"status"`
	Assignee string    `json:"assignee"`
	Severity int       `json:"severity"`
	Rule     string    `json:"rule_name"`
	SourceIP string    `json:"source_ip"`
	User     string    `json:"user_name"`
	Host     string    `json:"host_name"`
	Domain   string    `json:"url_domain"`
	Note     string    `json:"note"`
	Time     time.Time `json:"event_time"`
}

// alertColumns are those of alerts list, named as filters name them.
var alertColumns = []string{
	"id", "@timestamp", "alert.status", "event.severity", "rule.name", "source.ip", "user.name", "host.name", "url.domain", "alert.assignee", "note",
}

func (a *alertJSON) row() []json.RawMessage {
	text := func(s string) json.RawMessage { return event.AppendQuoted(nil, s) }
	return []json.RawMessage{
		text(a.ID), text(a.Time.UTC().Format(time.RFC3339)), text(strings.ToLower(strings.TrimPrefix(a.Status, "ALERT_STATUS_"))),
		json.RawMessage(strconv.Itoa(a.Severity)), text(a.Rule), text(a.SourceIP), text(a.User), text(a.Host), text(a.Domain),
		text(a.Assignee), text(a.Note),
	}
}

func newAlertsList() *cobra.Command {
	var r remote
	var output string
	var limit int
	cmd := &cobra.Command{
		Use:   "list [FILTER]",
		Short: "List alerts, the newest findings first",
		Long: `Lists alerts. A filter is one of the query language; its fields are those of
findings, alert.status (new, acknowledged, closed) and alert.assignee.`,
		Example: `  gatewatch alerts list 'alert.status: new and event.severity >= 70'
  gatewatch alerts list 'source.ip: 203.0.113.0/24' --limit 0 -o csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give one filter, in quotes")
			}
			return nil
		},
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.Flags().IntVar(&limit, "limit", 100, "the newest so many; 0 lists all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if limit < 0 {
			return usagef("--limit must not be negative")
		}
		all, err := r.alerts(cmd.Context(), strings.Join(args, ""), limit)
		if err != nil {
			return err
		}
		rows := make([][]json.RawMessage, len(all))
		for i := range all {
			rows[i] = all[i].row()
		}
		return writeRows(cmd.OutOrStdout(), output, alertColumns, rows)
	}
	return cmd
}

// alerts returns the newest alerts that match a filter, all if limit is 0.
func (r *remote) alerts(ctx context.Context, filter string, limit int) (all []alertJSON, err error) {
	if err := r.connect(); err != nil {
		return nil, err
	}
	for token := ""; ; {
		size := 1000
		if limit > 0 {
			size = min(size, limit-len(all))
		}
		var page struct {
			Alerts []alertJSON `json:"alerts"`
			Next   string      `json:"next_page_token"`
		}
		path := fmt.Sprintf("/api/v1/alerts?page_size=%d&filter=%s&page_token=%s", size, url.QueryEscape(filter), url.QueryEscape(token))
		if err := r.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Alerts...)
		if token = page.Next; token == "" || len(all) == limit {
			return all, nil
		}
	}
}

func newAlertsUpdate(verb, status, short string) *cobra.Command {
	var r remote
	var note, assignee string
	cmd := &cobra.Command{
		Use:   verb + " ID…",
		Short: short,
		Example: fmt.Sprintf(`  gatewatch alerts %[1]s 4f2a9c01d3b74f2a9c01d3b74f2a9c01
  gatewatch alerts %[1]s 4f2a9c01d3b74f2a9c01d3b74f2a9c01 --assignee ann --note 'known scanner'`, verb),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("give the ids of alerts, see gatewatch alerts list")
			}
			return nil
		},
	}
	addRemote(cmd, &r)
	cmd.Flags().StringVar(&note, "note", "", "why; it is kept in the history of the alert")
	cmd.Flags().StringVar(&assignee, "assignee", "", "who is to look at it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := r.connect(); err != nil {
			return err
		}
		body := map[string]any{"status": "ALERT_STATUS_" + status, "note": note}
		if cmd.Flags().Changed("assignee") {
			body["assignee"] = assignee
		}
		for _, id := range args {
			if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/alerts/"+url.PathEscape(id), body, &struct{}{}); err != nil {
				return fmt.Errorf("alert %s: %w", id, err)
			}
		}
		return nil
	}
	return cmd
}
