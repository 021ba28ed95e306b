package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/console"
	"github.com/gatewatch/gatewatch/services/durable"
)

// setupFile holds the link of the first administrator while there is no account.
const setupFile = "setup.link"

// openPeople opens the accounts and the console.
func (v *server) openPeople(run context.Context) (err error) {
	v.people = access.NewAccounts(v.settings.Session, v.state, v.tokens, time.Now, v.log)
	v.people.Audit(auditAccounts(v.audit))
	layout, chart, err := v.settings.Screens.Load()
	if err != nil {
		return fmt.Errorf("screens.%w", err)
	}
	v.console, err = console.New(console.Options{Bundle: dashboards.Web(), People: v.people, Layout: layout, Map: chart, Log: v.log})
	if err != nil {
		return err
	}
	v.running.Go(func() { v.forgetSessions(run) })
	return nil
}

// auditAccounts writes a leaf for each act of accounts.
func auditAccounts(log *audit.Log) func(access.AccountAct) error {
	acts := map[string]string{
		"sign-in": audit.ActSignIn, "sign-in.failed": audit.ActSignInFailed, "sign-out": audit.ActSignOut, "end": audit.ActSessionEnd,
		"add": audit.ActAccount, "password": audit.ActPassword, "link": audit.ActLink, "role": audit.ActRole,
		"disable": audit.ActDisable, "enable": audit.ActEnable, "withdraw": audit.ActUnaccount,
	}
	return func(a access.AccountAct) error {
		_, err := log.Append(context.Background(), audit.Leaf{Actor: a.By, Act: acts[a.Act], Object: a.Account, Detail: a.Detail})
		return err
	}
}

// forgetEvery is how often sessions that are over are deleted.
const forgetEvery = time.Hour

func (v *server) forgetSessions(ctx context.Context) {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := v.people.Forget(ctx); err != nil && ctx.Err() == nil {
				v.log.Warn("sessions that are over stay", "error", err)
			}
		}
	}
}

// offerSetup makes the link of the first administrator if there is no account, to be
// printed. It stands in DIR/setup.link as well, readable by the owner alone.
func (v *server) offerSetup(ctx context.Context) error {
	file := filepath.Join(v.settings.Data, setupFile)
	base := v.address("http")
	empty, err := v.people.Empty(ctx)
	if err == nil && (!empty || base == "") {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if err != nil {
		return err
	}
	secret, until, err := v.people.NewLink(ctx, "", audit.Server)
	if err != nil {
		return err
	}
	link := base + access.LinkPath(secret)
	if err := durable.WriteFile(file, []byte(link+"\n"), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", setupFile, err)
	}
	v.setup = fmt.Sprintf("no account yet: make the first administrator at %s (once, until %s)\n", link, until.Local().Format("15:04"))
	return nil
}

// address returns the URL of a listener of HTTP, "" if it is turned off.
func (v *server) address(name string) string {
	for _, l := range v.listeners {
		if l.name == name {
			scheme := "http"
			if l.tls {
				scheme = "https"
			}
			return scheme + "://" + l.addr.String()
		}
	}
	return ""
}
