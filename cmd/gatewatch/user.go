package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/access"
)

func newUser() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Make, list and change the accounts of people who sign in at the console",
		Example: `  gatewatch user add ann --role analyst
  gatewatch user list -o table
  gatewatch user disable ann`,
	}
	cmd.AddCommand(newUserAdd(), newUserList(), newUserLink(), newUserPasswd(), newUserRole(),
		newUserDisable("disable", true, "Sign a person out everywhere and let them in no more"),
		newUserDisable("enable", false, "Let a person in again"))
	return cmd
}

// oneName takes the name of one account.
func oneName(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("give the name of one account, see gatewatch user list")
	}
	return nil
}

func newUserAdd() *cobra.Command {
	var p people
	var role string
	cmd := &cobra.Command{
		Use:   "add NAME --role ROLE",
		Short: "Make an account and print a one-time link with which its owner chooses the password",
		Example: `  gatewatch user add ann --role analyst
  gatewatch user add root --role administrator --data ./gatewatch-data`,
		Args: oneName,
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&role, "role", "", "viewer, analyst, examiner or administrator")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if role == "" {
			return usagef("give --role: viewer, analyst, examiner or administrator")
		}
		return p.do(cmd.Context(), func(local *access.Accounts) error {
			if local != nil {
				if _, err := local.Add(cmd.Context(), args[0], access.Role(role), localUser()); err != nil {
					return err
				}
				return p.printLink(cmd, local, args[0])
			}
			var out linkJSON
			err := p.call(cmd.Context(), http.MethodPost, "/api/v1/accounts", map[string]string{"name": args[0], "role": role}, &out)
			return p.printRemote(cmd, out, err)
		})
	}
	return cmd
}

func newUserLink() *cobra.Command {
	var p people
	var first bool
	cmd := &cobra.Command{
		Use:   "link NAME | --first",
		Short: "Print a one-time link with which a password is chosen",
		Long: `Prints a link with which the owner of an account chooses another password, once;
--first, of a data folder without accounts, is for the first administrator. Links
made before stay valid until they expire.`,
		Example: `  gatewatch user link ann
  gatewatch user link --first --data ./gatewatch-data`,
		Args: func(cmd *cobra.Command, args []string) error {
			if first == (len(args) == 1) || len(args) > 1 {
				return usagef("give the name of one account, or --first")
			}
			return nil
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&first, "first", false, "for the first administrator; needs --data")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if first && p.data == "" {
			return usagef("--first: needs --data")
		}
		return p.do(cmd.Context(), func(local *access.Accounts) error {
			switch {
			case first:
				return p.printFirst(cmd, local)
			case local != nil:
				return p.printLink(cmd, local, args[0])
			}
			var out linkJSON
			err := p.call(cmd.Context(), http.MethodPost, "/api/v1/accounts/"+url.PathEscape(args[0])+"/link", map[string]string{}, &out)
			return p.printRemote(cmd, out, err)
		})
	}
	return cmd
}

func (p *people) printFirst(cmd *cobra.Command, local *access.Accounts) error {
	empty, err := local.Empty(cmd.Context())
	if err != nil {
		return err
	}
	if !empty {
		return errors.New("there are accounts already: give the name of one of them")
	}
	return p.printLink(cmd, local, "")
}

// userColumns are those of user list.
var userColumns = []string{"name", "role", "state", "created", "signed_in"}

// userJSON is an account of the REST API.
type userJSON struct {
	Name       string    `json:"name"`
	Role       string    `json:"role"`
	Disabled   bool      `json:"disabled"`
	NoPassword bool      `json:"no_password"`
	Created    time.Time `json:"create_time"`
	SignedIn   time.Time `json:"signin_time"`
}

func (u *userJSON) row() []json.RawMessage {
	state := "enabled"
	switch {
	case u.Disabled:
		state = "disabled"
	case u.NoPassword:
		state = "no password yet"
	}
	signedIn := ""
	if !u.SignedIn.IsZero() {
		signedIn = u.SignedIn.UTC().Format(time.RFC3339)
	}
	var row []json.RawMessage
	for _, cell := range []string{u.Name, u.Role, state, u.Created.UTC().Format(time.RFC3339), signedIn} {
		row = append(row, event.AppendQuoted(nil, cell))
	}
	return row
}

func newUserList() *cobra.Command {
	var p people
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Example: `  gatewatch user list
  gatewatch user list --data ./gatewatch-data -o csv`,
		Args: noArgs,
	}
	p.flags(cmd)
	addOutput(cmd, &output)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all, err := p.list(cmd.Context())
		if err != nil {
			return err
		}
		rows := make([][]json.RawMessage, len(all))
		for i := range all {
			rows[i] = all[i].row()
		}
		return writeRows(cmd.OutOrStdout(), output, userColumns, rows)
	}
	return cmd
}

func (p *people) list(ctx context.Context) (all []userJSON, err error) {
	err = p.do(ctx, func(local *access.Accounts) error {
		if local != nil {
			rows, err := local.List(ctx)
			for _, a := range rows {
				all = append(all, userJSON{a.Name, string(a.Role), a.Disabled, a.NoPassword, a.Created, a.LastSignIn})
			}
			return err
		}
		for token := ""; ; {
			var page struct {
				Accounts []userJSON `json:"accounts"`
				Next     string     `json:"next_page_token"`
			}
			if err := p.call(ctx, http.MethodGet, "/api/v1/accounts?page_size=1000&page_token="+url.QueryEscape(token), nil, &page); err != nil {
				return err
			}
			all = append(all, page.Accounts...)
			if token = page.Next; token == "" {
				return nil
			}
		}
	})
	return all, err
}

func newUserRole() *cobra.Command {
	var p people
	cmd := &cobra.Command{
		Use:   "role NAME ROLE",
		Short: "Give an account another role; it holds at once",
		Example: `  gatewatch user role ann analyst
  gatewatch user role ann viewer --data ./gatewatch-data`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("give the name of one account and a role: viewer, analyst, examiner or administrator")
			}
			return nil
		},
	}
	p.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		role := access.Role(args[1])
		return p.change(cmd.Context(), args[0], &role, nil)
	}
	return cmd
}

func newUserDisable(use string, disabled bool, short string) *cobra.Command {
	var p people
	cmd := &cobra.Command{
		Use:     use + " NAME",
		Short:   short,
		Example: fmt.Sprintf("  gatewatch user %s ann\n  gatewatch user %s ann --data ./gatewatch-data", use, use),
		Args:    oneName,
	}
	p.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.change(cmd.Context(), args[0], nil, &disabled)
	}
	return cmd
}

func (p *people) change(ctx context.Context, name string, role *access.Role, disabled *bool) error {
	return p.do(ctx, func(local *access.Accounts) error {
		if local != nil {
			_, err := local.Change(ctx, name, role, disabled, localUser())
			return err
		}
		in := map[string]any{}
		if role != nil {
			in["role"] = *role
		}
		if disabled != nil {
			in["disabled"] = *disabled
		}
		return p.call(ctx, http.MethodPost, "/api/v1/accounts/"+url.PathEscape(name), in, &struct{}{})
	})
}
