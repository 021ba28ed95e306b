package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
)

// people is where accounts are kept: a running server, or a data folder.
type people struct {
	remote
	data string
}

func (p *people) flags(cmd *cobra.Command) {
	addTarget(cmd, &p.remote, &p.data, "data folder of the server, instead of --server; works while it runs")
}

// do calls f with the accounts of the data folder, or with nil once the server of
// the flags can be asked.
func (p *people) do(ctx context.Context, f func(local *access.Accounts) error) (err error) {
	if p.data == "" {
		if err := p.connect(); err != nil {
			return err
		}
		return f(nil)
	}
	if _, err := os.Stat(filepath.Join(p.data, state.FileName)); err != nil {
		return usagef("--data: %w", err)
	}
	log, err := audit.Open(filepath.Join(p.data, audit.Dir), time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	db, err := state.Open(ctx, p.data, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tokens, err := access.OpenTokens(p.data, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	local := access.NewAccounts(access.SessionConfig{}, db, tokens, time.Now, slog.New(slog.DiscardHandler))
	local.Audit(auditAccounts(log))
	err = f(local)
	if errors.Is(err, access.ErrAccount) || errors.Is(err, access.ErrPassword) {
		err = usageError{err}
	}
	return err
}

// linkJSON is a link of the REST API.
type linkJSON struct {
	Link struct {
		Path    string    `json:"path"`
		Expires time.Time `json:"expire_time"`
	} `json:"link"`
}

func (p *people) printRemote(cmd *cobra.Command, l linkJSON, err error) error {
	if err == nil {
		printLinkText(cmd, p.server+l.Link.Path, l.Link.Expires)
	}
	return err
}

// printLink makes a link and prints it. The address is that of the server which
// runs on the data folder, if there is one.
func (p *people) printLink(cmd *cobra.Command, local *access.Accounts, name string) error {
	secret, until, err := local.NewLink(cmd.Context(), name, localUser())
	if err != nil {
		return err
	}
	printLinkText(cmd, servedAt(p.data)+access.LinkPath(secret), until)
	return nil
}

func printLinkText(cmd *cobra.Command, link string, until time.Time) {
	fmt.Fprintln(cmd.OutOrStdout(), link)
	fmt.Fprintf(cmd.ErrOrStderr(), "works once, until %s\n", until.Local().Format("2006-01-02 15:04"))
}

// servedAt returns the URL of the server that runs on a data folder, "" if none
// does. One that others can reach speaks TLS.
func servedAt(dir string) string {
	var addresses struct {
		HTTP string `json:"http"`
	}
	b, err := os.ReadFile(filepath.Join(dir, listenFile))
	if err != nil || json.Unmarshal(b, &addresses) != nil || addresses.HTTP == "" {
		return ""
	}
	host, _, err := net.SplitHostPort(addresses.HTTP)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsLoopback() {
		return "http://" + addresses.HTTP
	}
	return "https://" + addresses.HTTP
}

func newUserPasswd() *cobra.Command {
	var p people
	cmd := &cobra.Command{
		Use:   "passwd NAME --data DIR",
		Short: "Set the password of an account, read from the terminal or as one line of standard input",
		Long: `Sets the password of an account and signs it out everywhere. It works on the data
folder alone: passwords do not pass through the API, whose users make a link with
gatewatch user link.`,
		Example: `  gatewatch user passwd ann --data ./gatewatch-data`,
		Args:    oneName,
	}
	p.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if p.data == "" {
			return usagef("--data: is needed; with --server use gatewatch user link")
		}
		return p.do(cmd.Context(), func(local *access.Accounts) error {
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			return local.SetPassword(cmd.Context(), args[0], password, localUser())
		})
	}
	return cmd
}

// readPassword reads a password: twice from a terminal, which does not show it,
// else one line.
func readPassword(cmd *cobra.Command) (string, error) {
	f, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		const most = 4 << 10
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), most)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(cmd.ErrOrStderr(), what)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return string(b), err
	}
	first, err := ask("new password: ")
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	again, err := ask("the same again: ")
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	if first != again {
		return "", usagef("the two passwords are not the same")
	}
	return first, nil
}
