package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// newWAFBundle groups the commands about rule-set bundles.
func newWAFBundle() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "Keep rule-set bundles and roll them out to WAF nodes",
		Long: `A rule-set bundle says how nodes judge requests: set-up variables of CRS, paranoia,
thresholds and modes of sites, and exclusions, each with its owner, reason and expiry.
It is named by the SHA-256 of its text and never changes. A node takes bundles from
servers whose key stands in its bundles.trusted_keys, if it has a token of its own.`,
		Example: `  gatewatch waf bundle check rules.json
  gatewatch waf bundle create rules.json
  gatewatch waf bundle roll-out NAME --stage shadow --node edge-1
  gatewatch waf bundle roll-out NAME --stage canary --share 10
  gatewatch waf bundle roll-out NAME --stage all --reason 'search on /search'
  gatewatch waf bundle status
  gatewatch waf bundle roll-back --reason 'orders fail'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBundleCheck(), newBundleCreate(), newBundleList(), newBundleShow(), newBundleRollOut(), newBundleRollBack(),
		newBundleStatus(), newBundleKey())
	return cmd
}

// oneArg wants one argument, which what describes.
func oneArg(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("give %s", what)
		}
		return nil
	}
}

// bundleArg reads the file of a bundle, - for standard input.
func bundleArg(cmd *cobra.Command, name string) ([]byte, error) {
	if name == "-" {
		readsTerminal(cmd)
		return io.ReadAll(io.LimitReader(cmd.InOrStdin(), bundle.MaxBytes+1))
	}
	return readBounded(name)
}

func newBundleCheck() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Check a bundle without a server: allow-list, compile, try out; prints its name",
		Example: `  gatewatch waf bundle check rules.json`,
		Args:    oneArg("the file of a bundle, or -"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := bundleArg(cmd, args[0])
			if err != nil {
				return err
			}
			b, err := bundle.Read(text)
			if err != nil {
				return err
			}
			if err := compileBundle(b); err != nil {
				return err
			}
			if text, err = b.Encode(); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), bundle.Sum(text))
			return nil
		},
	}
}

// bundleJSON is a bundle of the REST API.
type bundleJSON struct {
	Name       string    `json:"name"`
	Time       time.Time `json:"create_time"`
	CRS        string    `json:"crs"`
	Exclusions int       `json:"exclusions"`
	Bytes      int       `json:"bytes"`
}

func newBundleCreate() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:     "create FILE",
		Short:   "Keep a bundle on the server; prints its name",
		Example: `  gatewatch waf bundle create rules.json`,
		Args:    oneArg("the file of a bundle, or -"),
	}
	addRemote(cmd, &r)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		text, err := bundleArg(cmd, args[0])
		if err != nil {
			return err
		}
		if err := r.connect(); err != nil {
			return err
		}
		var answer struct{ Bundle bundleJSON }
		if err := r.call(cmd.Context(), http.MethodPost, "/api/v1/bundles", map[string]string{"text": string(text)}, &answer); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), answer.Bundle.Name)
		return nil
	}
	return cmd
}

func newBundleList() *cobra.Command {
	var r remote
	var output string
	cmd := &cobra.Command{Use: "list", Short: "List bundles, the newest first", Example: "  gatewatch waf bundle list -o csv", Args: cobra.NoArgs}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := r.connect(); err != nil {
			return err
		}
		var rows [][]json.RawMessage
		for token := ""; ; {
			var page struct {
				Bundles []bundleJSON `json:"bundles"`
				Next    string       `json:"next_page_token"`
			}
			if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/bundles?page_token="+token, nil, &page); err != nil {
				return err
			}
			for _, b := range page.Bundles {
				row, err := jsonRow(b.Name, b.Time.Format(time.RFC3339), b.CRS, b.Exclusions, b.Bytes)
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
			if token = page.Next; token == "" {
				return writeRows(cmd.OutOrStdout(), output, []string{"name", "create_time", "crs", "exclusions", "bytes"}, rows)
			}
		}
	}
	return cmd
}

func newBundleShow() *cobra.Command {
	var r remote
	cmd := &cobra.Command{Use: "show NAME", Short: "Print the text of a bundle", Example: "  gatewatch waf bundle show NAME", Args: oneArg("the name of a bundle")}
	addRemote(cmd, &r)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !bundle.IsSum(args[0]) {
			return usagef("the name of a bundle is its SHA-256 in hexadecimal; see gatewatch waf bundle list")
		}
		if err := r.connect(); err != nil {
			return err
		}
		var answer struct{ Text string }
		if err := r.call(cmd.Context(), http.MethodGet, "/api/v1/bundles/"+args[0], nil, &answer); err != nil {
			return err
		}
		fmt.Fprint(cmd.OutOrStdout(), answer.Text)
		return nil
	}
	return cmd
}

// rolloutJSON is a rollout of the REST API.
type rolloutJSON struct {
	Serial    json.Number `json:"serial"`
	Stable    string      `json:"stable"`
	Candidate string      `json:"candidate"`
	Stage     string      `json:"stage"`
	Share     int         `json:"share_percent"`
}

func (r rolloutJSON) String() string {
	text := fmt.Sprintf("rollout %s: stable bundle %s", r.Serial, orNone(r.Stable))
	if r.Candidate != "" {
		text += fmt.Sprintf(", candidate %s in stage %s", r.Candidate, r.Stage)
	}
	if r.Share > 0 {
		text += fmt.Sprintf(" for %d %% of the clients", r.Share)
	}
	return text
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func newBundleRollOut() *cobra.Command {
	var r remote
	var stage, reason string
	var share int
	var nodes []string
	cmd := &cobra.Command{
		Use:     "roll-out NAME",
		Short:   "Offer a bundle to nodes: beside the rules in use, for a share of clients, or for all",
		Example: `  gatewatch waf bundle roll-out NAME --stage canary --share 10 --reason 'search on /search'`,
		Args:    oneArg("the name of a bundle, see gatewatch waf bundle list"),
	}
	addRemote(cmd, &r)
	cmd.Flags().StringVar(&stage, "stage", "shadow", "shadow: judge a sample and only report; canary: judge a share of the clients; all")
	cmd.Flags().IntVar(&share, "share", 0, "percent of the clients, for canary")
	cmd.Flags().StringSliceVar(&nodes, "node", nil, "node that tries it out, for shadow and canary; may be given several times")
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept in the audit log")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !bundle.IsSum(args[0]) {
			return usagef("the name of a bundle is its SHA-256 in hexadecimal; see gatewatch waf bundle list")
		}
		if share < 0 || share > 99 {
			return usagef("--share must be between 1 and 99")
		}
		return r.rollout(cmd, "/api/v1/bundles/"+args[0]+"/rollouts", map[string]any{
			"stage": stage, "share_percent": share, "nodes": nodes, "reason": reason,
		})
	}
	return cmd
}

func newBundleRollBack() *cobra.Command {
	var r remote
	var reason string
	cmd := &cobra.Command{Use: "roll-back", Short: "Take the candidate back, or else the last bundle for all", Example: "  gatewatch waf bundle roll-back --reason 'orders fail'", Args: cobra.NoArgs}
	addRemote(cmd, &r)
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept in the audit log")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.rollout(cmd, "/api/v1/rollouts:rollback", map[string]any{"reason": reason})
	}
	return cmd
}

// rollout asks for another rollout and prints it.
func (r *remote) rollout(cmd *cobra.Command, path string, body map[string]any) error {
	if err := r.connect(); err != nil {
		return err
	}
	var answer struct{ Rollout rolloutJSON }
	if err := r.call(cmd.Context(), http.MethodPost, path, body, &answer); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), answer.Rollout)
	return nil
}

// rolloutStatus is the answer of GetRollout.
type rolloutStatus struct {
	Rollout *rolloutJSON `json:"rollout"`
	Key     string       `json:"public_key"`
	Nodes   []struct {
		Node      string      `json:"node"`
		Connected bool        `json:"connected"`
		Serial    json.Number `json:"serial"`
		Result    string      `json:"result"`
		Reason    string      `json:"reason"`
		Drift     string      `json:"drift"`
		Status    struct {
			Stable    string `json:"stable_bundle"`
			Candidate string `json:"candidate_bundle"`
		} `json:"status"`
	} `json:"nodes"`
}

func newBundleStatus() *cobra.Command {
	var r remote
	var output string
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show what each node has made of the rollout; exit 1 if one differs from it",
		Example: `  gatewatch waf bundle status -o table`,
		Args:    cobra.NoArgs,
	}
	addRemote(cmd, &r)
	addOutput(cmd, &output)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := r.rolloutStatus(cmd)
		if err != nil {
			return err
		}
		if s.Rollout != nil {
			fmt.Fprintln(cmd.ErrOrStderr(), s.Rollout)
		}
		rows := make([][]json.RawMessage, len(s.Nodes))
		differ := 0
		for i, n := range s.Nodes {
			if n.Drift != "" {
				differ++
			}
			result := strings.ToLower(strings.TrimPrefix(n.Result, "BUNDLE_RESULT_"))
			if rows[i], err = jsonRow(n.Node, n.Connected, n.Serial, result, n.Reason, n.Status.Stable, n.Status.Candidate, n.Drift); err != nil {
				return err
			}
		}
		if err := writeRows(cmd.OutOrStdout(), output, []string{"node", "connected", "serial", "result", "reason", "stable", "candidate", "drift"}, rows); err != nil {
			return err
		}
		if differ > 0 {
			return fmt.Errorf("%s not as the rollout says", count(differ, "node"))
		}
		return nil
	}
	return cmd
}

func (r *remote) rolloutStatus(cmd *cobra.Command) (s rolloutStatus, err error) {
	if err = r.connect(); err == nil {
		err = r.call(cmd.Context(), http.MethodGet, "/api/v1/rollouts/current", nil, &s)
	}
	return s, err
}

func newBundleKey() *cobra.Command {
	var r remote
	cmd := &cobra.Command{Use: "key", Short: "Print the server's key, for bundles.trusted_keys of nodes", Example: "  gatewatch waf bundle key", Args: cobra.NoArgs}
	addRemote(cmd, &r)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := r.rolloutStatus(cmd)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), s.Key)
		return nil
	}
	return cmd
}
