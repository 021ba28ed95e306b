package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/tuning"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// runWAFTuneLive proposes from the requests that a data folder holds.
func runWAFTuneLive(cmd *cobra.Command, f *wafTuneFlags, format string) (err error) {
	ask := tuning.Ask{Config: f.planned()}
	if ask.Selection, err = f.selection(); err != nil {
		return err
	}
	if ask.Guard, err = readGuard(cmd, f.guard); err != nil {
		return err
	}
	q := &queryFlags{data: f.data, config: f.config}
	s, err := q.openLocal(cmd)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // only read
	err = auditAct(cmd, f.data, audit.ActRequests, "tune", map[string]string{
		"filter": f.filter, "from": leafTime(ask.From), "to": leafTime(ask.To), "group": f.group,
	})
	if err != nil {
		return err
	}
	db, err := state.Open(cmd.Context(), f.data, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	settings, err := loadSettings(f.config, f.data)
	if err != nil {
		return err
	}
	desk, err := triage.New(triage.Options{Events: s, State: db, Now: time.Now})
	if err != nil {
		return err
	}
	rules, first, err := rulesInUse(cmd.Context(), db)
	if err != nil {
		return err
	}
	ask.FirstID = first
	live := tuning.Live{Desk: desk, Copies: requestLibrary(s, &requestKeys{settings: &settings}), Rules: rules}
	var mu sync.Mutex
	clear := func() {}
	plan, err := live.Propose(cmd.Context(), ask, func(p tuning.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Stage != "judge" || p.Done%100 == 0 {
			clear = progressBar(cmd, progressWords(p))
		}
	})
	clear()
	if err != nil {
		return err
	}
	warn(cmd, plan.Partial)
	if left := plan.LeftOut.String(); left != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "blocked requests left out: %s\n", left)
	}
	return printProposals(cmd, format, &plan.Plan)
}

func progressWords(p tuning.Progress) string {
	switch p.Stage {
	case "judge":
		return fmt.Sprintf("%d of %d requests judged", p.Done, p.Total)
	case "propose":
		return fmt.Sprintf("%d proposals", p.Done)
	}
	return "reading requests"
}

// selection reads which requests are taken.
func (f *wafTuneFlags) selection() (s tuning.Selection, err error) {
	span, err := readRange(f.from, f.to)
	if err != nil {
		return s, err
	}
	s.From, s.To, s.Group.ID = span.from, span.to, f.group
	if strings.TrimSpace(f.filter) == "" {
		return s, nil
	}
	q, err := query.Parse(f.filter, time.Now())
	if err != nil {
		return s, usagef("--filter: %w", err)
	}
	if len(q.Pipes) > 0 {
		return s, usagef("--filter: has pipes; want a filter alone")
	}
	s.Filter = q.Filter
	return s, nil
}

// readGuard reads attacks that must stay blocked.
func readGuard(cmd *cobra.Command, name string) (all []*verdict.Request, err error) {
	if name == "" {
		return nil, nil
	}
	err = eachRequest(cmd, name, func(r *verdict.Request) error {
		one := *r
		all = append(all, &one)
		return nil
	})
	return all, err
}

// rulesInUse makes engines of the rules that a data folder has rolled out to all
// nodes, and tells the first id that the bundle leaves for rules.
func rulesInUse(ctx context.Context, db *state.DB) (tuning.RulesFunc, int, error) {
	f, err := fleet.Open(ctx, fleet.Options{State: db})
	if err != nil {
		return nil, 0, err
	}
	var b *bundle.Bundle
	first := tuning.FirstID
	if r := f.Rollout(); r != nil && r.Stable != "" {
		if b, _, err = f.Bundle(ctx, r.Stable); err != nil {
			return nil, 0, err
		}
		first = b.NextRule()
	}
	return func(site, directives string) (*waf.Engine, error) {
		return waf.CompileSite(waf.CorpusSettings(), b, site, directives, time.Now())
	}, first, nil
}
