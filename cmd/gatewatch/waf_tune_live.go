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
	detail := map[string]string{
		"filter": f.filter, "from": leafTime(ask.From), "to": leafTime(ask.To), "group": f.group,
	}
	return withKept(cmd, f.data, f.config, "tune", detail, func(db *state.DB, live tuning.Live) error {
		rules, first, err := rulesInUse(cmd.Context(), db)
		if err != nil {
			return err
		}
		ask.FirstID, live.Rules = first, rules
		tell, clear := progressOf(cmd)
		plan, err := live.Propose(cmd.Context(), ask, tell)
		clear()
		if err != nil {
			return err
		}
		warn(cmd, plan.Partial)
		if left := plan.LeftOut.String(); left != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "blocked requests left out: %s\n", left)
		}
		return printProposals(cmd, format, &plan.Plan)
	})
}

// progressOf shows how far a job is, until clear is called. tell may be called from
// several goroutines.
func progressOf(cmd *cobra.Command) (tell func(tuning.Progress), clear func()) {
	var mu sync.Mutex
	end := func() {}
	tell = func(p tuning.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Stage != "judge" || p.Done%100 == 0 {
			end = progressBar(cmd, progressWords(p))
		}
	}
	return tell, func() { end() }
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

// bundleInUse is the bundle that a data folder has rolled out to all nodes, nil for none.
func bundleInUse(ctx context.Context, db *state.DB) (*bundle.Bundle, error) {
	f, err := fleet.Open(ctx, fleet.Options{State: db})
	if err != nil {
		return nil, err
	}
	r := f.Rollout()
	if r == nil || r.Stable == "" {
		return nil, nil
	}
	b, _, err := f.Bundle(ctx, r.Stable)
	return b, err
}

// rulesInUse makes engines of the rules that a data folder has rolled out to all
// nodes, and tells the first id that the bundle leaves for rules.
func rulesInUse(ctx context.Context, db *state.DB) (tuning.RulesFunc, int, error) {
	b, err := bundleInUse(ctx, db)
	if err != nil {
		return nil, 0, err
	}
	first := tuning.FirstID
	if b != nil {
		first = b.NextRule()
	}
	return func(site, directives string) (*waf.Engine, error) {
		return waf.CompileSite(waf.CorpusSettings(), b, site, directives, time.Now())
	}, first, nil
}

// levelsInUse makes those rules for each paranoia level.
func levelsInUse(ctx context.Context, db *state.DB) (tuning.LevelsFunc, error) {
	b, err := bundleInUse(ctx, db)
	return func(site string) (*waf.Levels, error) {
		return waf.CompileSiteLevels(waf.CorpusSettings(), b, site, time.Now())
	}, err
}

// withKept calls use with the state and the kept requests of a data folder, after
// the audit log has told what is asked of them.
func withKept(cmd *cobra.Command, data, config, object string, detail map[string]string, use func(*state.DB, tuning.Live) error) (err error) {
	s, err := (&queryFlags{data: data, config: config}).openLocal(cmd)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // only read
	if err := auditAct(cmd, data, audit.ActRequests, object, detail); err != nil {
		return err
	}
	db, err := state.Open(cmd.Context(), data, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	settings, err := loadSettings(config, data)
	if err != nil {
		return err
	}
	desk, err := triage.New(triage.Options{Events: s, State: db, Now: time.Now})
	if err != nil {
		return err
	}
	return use(db, tuning.Live{Desk: desk, Copies: requestLibrary(s, &requestKeys{settings: &settings})})
}
