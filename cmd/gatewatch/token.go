package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
)

func newToken() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens with which senders and people sign in",
		Example: `  gatewatch token create --node edge-1
  gatewatch token create --kiosk --name lobby --expires 720h
  gatewatch token list`,
	}
	cmd.AddCommand(newTokenCreate(), newTokenList(), newTokenRevoke())
	return cmd
}

// tokenStore is where tokens are kept: a running server, or a data folder.
type tokenStore struct {
	remote
	data string
}

func (t *tokenStore) flags(cmd *cobra.Command) {
	addTarget(cmd, &t.remote, &t.data, "data folder of the server, instead of --server; works while it runs")
}

func (t *tokenStore) open() (*access.Tokens, error) {
	if _, err := os.Stat(t.data); err != nil {
		return nil, usagef("--data: %w", err)
	}
	return access.OpenTokens(t.data, time.Now, slog.New(slog.DiscardHandler))
}

// openAudited opens the tokens to change them. closeLog ends their audit log.
func (t *tokenStore) openAudited() (tokens *access.Tokens, closeLog func() error, err error) {
	if tokens, err = t.open(); err != nil {
		return nil, nil, err
	}
	log, err := audit.Open(filepath.Join(t.data, audit.Dir), time.Now)
	if err != nil {
		return nil, nil, err
	}
	tokens.Audit(auditTokens(log))
	return tokens, log.Close, nil
}

// tokenJSON is a token of the REST API.
type tokenJSON struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Created time.Time `json:"create_time"`
	Expires time.Time `json:"expire_time"` // zero: never
}

// tokenColumns are those of token list.
var tokenColumns = []string{"id", "kind", "name", "role", "created", "expires", "expired"}

// row is a line of token list at a moment.
func (k *tokenJSON) row(now time.Time) []json.RawMessage {
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	expired := ""
	if !k.Expires.IsZero() && !now.Before(k.Expires) {
		expired = "expired"
	}
	kind := strings.ToLower(strings.TrimPrefix(k.Kind, "TOKEN_KIND_"))
	var row []json.RawMessage
	for _, cell := range []string{k.ID, kind, k.Name, k.Role, moment(k.Created), moment(k.Expires), expired} {
		row = append(row, event.AppendQuoted(nil, cell))
	}
	return row
}

func newTokenCreate() *cobra.Command {
	var t tokenStore
	var source, node, role, name string
	var kiosk bool
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:   "create --source NAME | --node NAME | --role ROLE | --kiosk",
		Short: "Make a token and print it; it is shown this once",
		Example: `  gatewatch token create --source exchange-1
  gatewatch token create --node edge-1 --data ./gatewatch-data
  gatewatch token create --role analyst --name ann --expires 720h
  gatewatch token create --kiosk --name lobby --expires 720h   # then open /screen/attacks?k=TOKEN once`,
		Args: noArgs,
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&source, "source", "", "name of a source of records")
	cmd.Flags().StringVar(&node, "node", "", "name of a WAF node")
	cmd.Flags().StringVar(&role, "role", "", "role of a person or program: viewer, analyst, examiner or administrator")
	cmd.Flags().StringVar(&name, "name", "", "name of the person or program of --role, or of the screen of --kiosk")
	cmd.Flags().BoolVar(&kiosk, "kiosk", false, "a token that opens the wall screens and nothing else; it must expire")
	cmd.Flags().DurationVar(&lifetime, "expires", 0, "time until the token expires; 0 never")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		g, err := grantOf(source, node, role, name, kiosk)
		if err != nil {
			return err
		}
		g.Lifetime = lifetime
		secret, err := t.create(cmd.Context(), g)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), secret)
		return nil
	}
	return cmd
}

func grantOf(source, node, role, name string, kiosk bool) (access.Grant, error) {
	var g access.Grant
	n := 0
	for _, c := range []struct {
		given bool
		grant access.Grant
	}{
		{source != "", access.Grant{Kind: access.KindSource, Name: source}},
		{node != "", access.Grant{Kind: access.KindNode, Name: node}},
		{role != "", access.Grant{Kind: access.KindRole, Name: name, Role: access.Role(role)}},
		{kiosk, access.Grant{Kind: access.KindKiosk, Name: cmp.Or(name, "screen")}},
	} {
		if c.given {
			g = c.grant
			n++
		}
	}
	if n != 1 {
		return g, usagef("give one of --source, --node, --role and --kiosk")
	}
	return g, nil
}

func (t *tokenStore) create(ctx context.Context, g access.Grant) (string, error) {
	if t.data != "" {
		tokens, closeLog, err := t.openAudited()
		if err != nil {
			return "", err
		}
		g.By = localUser()
		_, secret, err := tokens.Create(g)
		return secret, errors.Join(err, closeLog())
	}
	if err := t.connect(); err != nil {
		return "", err
	}
	kinds := map[access.Kind]string{
		access.KindSource: "TOKEN_KIND_SOURCE", access.KindNode: "TOKEN_KIND_NODE", access.KindRole: "TOKEN_KIND_ROLE", access.KindKiosk: "TOKEN_KIND_KIOSK",
	}
	var out struct {
		Secret string `json:"secret"`
	}
	err := t.call(ctx, http.MethodPost, "/api/v1/tokens", map[string]any{
		"kind": kinds[g.Kind], "name": g.Name, "role": string(g.Role), "lifetime_seconds": int64(g.Lifetime / time.Second),
	}, &out)
	return out.Secret, err
}

func newTokenList() *cobra.Command {
	var t tokenStore
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens, without their secrets",
		Example: `  gatewatch token list
  gatewatch token list --data ./gatewatch-data -o csv`,
		Args: noArgs,
	}
	t.flags(cmd)
	addOutput(cmd, &output)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all, err := t.list(cmd.Context())
		if err != nil {
			return err
		}
		rows := make([][]json.RawMessage, len(all))
		for i, k := range all {
			rows[i] = k.row(time.Now())
		}
		return writeRows(cmd.OutOrStdout(), output, tokenColumns, rows)
	}
	return cmd
}

func (t *tokenStore) list(ctx context.Context) ([]tokenJSON, error) {
	var all []tokenJSON
	if t.data != "" {
		tokens, err := t.open()
		if err != nil {
			return nil, err
		}
		list, err := tokens.List()
		for _, k := range list {
			all = append(all, tokenJSON{ID: k.ID, Kind: string(k.Kind), Name: k.Name, Role: string(k.Role), Created: k.Created, Expires: k.Expires})
		}
		return all, err
	}
	if err := t.connect(); err != nil {
		return nil, err
	}
	for token := ""; ; {
		var page struct {
			Tokens []tokenJSON `json:"tokens"`
			Next   string      `json:"next_page_token"`
		}
		if err := t.call(ctx, http.MethodGet, "/api/v1/tokens?page_size=1000&page_token="+url.QueryEscape(token), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Tokens...)
		if token = page.Next; token == "" {
			return all, nil
		}
	}
}

func newTokenRevoke() *cobra.Command {
	var t tokenStore
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Make a token invalid at once",
		Example: `  gatewatch token revoke 4f2a9c01d3b7
  gatewatch token revoke 4f2a9c01d3b7 --data ./gatewatch-data`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("give the id of one token, see gatewatch token list")
			}
			return nil
		},
	}
	t.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if t.data != "" {
			tokens, closeLog, err := t.openAudited()
			if err != nil {
				return err
			}
			return errors.Join(tokens.Revoke(args[0], localUser()), closeLog())
		}
		if err := t.connect(); err != nil {
			return err
		}
		return t.call(cmd.Context(), http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(args[0]), nil, &struct{}{})
	}
	return cmd
}
