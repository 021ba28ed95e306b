package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/alert"
)

// notifyEnv holds the secrets that sign messages about findings, in place of
// notify.secret_file. It is no key: what is printed or is a flag is seen by others.
const notifyEnv = envPrefix + "NOTIFY_SECRET"

// openNotifier begins to tell of findings. A process that detects tells.
func (v *server) openNotifier(run context.Context) (err error) {
	if !v.settings.has(roleDetect) {
		return nil
	}
	v.notifier, err = alert.Open(v.settings.Notify, alert.Options{
		State: v.state, Secret: os.Getenv(notifyEnv), Now: time.Now, Log: v.log, Metrics: v.metrics,
	})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	v.running.Go(func() { v.notifier.Run(run) })
	return nil
}

func newAlertsNotifyTest() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "notify-test",
		Short: "Send a test message to the webhook that is told of findings",
		Long: `Has the server send a signed message of the type "test", once, whatever the budget
is. It ends with what the receiver answered, and 1 if that was not 2xx.`,
		Example: "  gatewatch alerts notify-test",
		Args:    noArgs,
	}
	addRemote(cmd, &r)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.connect(); err != nil {
			return err
		}
		var sent struct {
			ID string `json:"id"`
		}
		if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/notifications:test", struct{}{}, &sent); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "the receiver took %s\n", printable(sent.ID))
		return nil
	}
	return cmd
}

// notifications is what the webhook does, in the form of the API.
type notifications struct {
	Enabled      bool               `json:"enabled"`
	Host         string             `json:"host"`
	Secrets      int                `json:"secrets"`
	Pending      int64              `json:"pending"`
	Held         int64              `json:"held"`
	Delivered    int64              `json:"delivered"`
	Dead         int64              `json:"dead"`
	LastDelivery string             `json:"last_delivery_time"`
	LastError    string             `json:"last_error"`
	DeadOnes     []deadNotification `json:"dead_notifications"`
}

type deadNotification struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	AlertID string `json:"alert_id"`
	Rule    string `json:"rule_name"`
	Created string `json:"create_time"`
	Ended   string `json:"end_time"`
	Tries   int64  `json:"tries"`
	Error   string `json:"error"`
}

func newAlertsNotifications() *cobra.Command {
	var r remote
	var output string
	var dead bool
	cmd := &cobra.Command{
		Use:   "notifications",
		Short: "Show what the webhook does that is told of findings",
		Long: `Shows whether somebody is told of findings, how many messages wait for the
receiver, how many findings wait for a digest, and what was given up: a digest tells
of these, and their alerts are listed as all others.`,
		Example: `  gatewatch alerts notifications
  gatewatch alerts notifications --dead -o csv`,
		Args: noArgs,
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.Flags().BoolVar(&dead, "dead", false, "list the newest messages that were given up")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.connect(); err != nil {
			return err
		}
		var n notifications
		if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/notifications", nil, &n); err != nil {
			return err
		}
		if dead {
			return writeRows(cmd.OutOrStdout(), output, deadColumns, n.deadRows())
		}
		return writeRows(cmd.OutOrStdout(), output, notificationColumns, [][]json.RawMessage{n.row()})
	}
	return cmd
}

var (
	notificationColumns = []string{"enabled", "host", "secrets", "pending", "held", "delivered", "dead", "last_delivery_time", "last_error"}
	deadColumns         = []string{"id", "kind", "alert_id", "rule.name", "create_time", "end_time", "tries", "error"}
)

func (n *notifications) row() []json.RawMessage {
	return []json.RawMessage{
		json.RawMessage(strconv.FormatBool(n.Enabled)), quoted(n.Host), number(int64(n.Secrets)), number(n.Pending), number(n.Held), number(n.Delivered), number(n.Dead),
		quoted(n.LastDelivery), quoted(n.LastError),
	}
}

func (n *notifications) deadRows() (rows [][]json.RawMessage) {
	for _, x := range n.DeadOnes {
		rows = append(rows, []json.RawMessage{
			quoted(x.ID), quoted(x.Kind), quoted(x.AlertID), quoted(x.Rule), quoted(x.Created), quoted(x.Ended), number(x.Tries), quoted(x.Error),
		})
	}
	return rows
}

func quoted(s string) json.RawMessage { return event.AppendQuoted(nil, s) }

func number(n int64) json.RawMessage { return json.RawMessage(strconv.FormatInt(n, 10)) }
