package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// Names of bundles besides their sums: what is rolled out.
const (
	bundleStable    = "stable"
	bundleCandidate = "candidate"
)

// candidate makes the rules that requests are judged by anew. The error of what a
// person wrote wrongly is one of usage.
func (f *wafReplayFlags) candidate(cmd *cobra.Command) (*waf.SiteRules, error) {
	settings := waf.CorpusSettings()
	settings.Paranoia, settings.InboundThreshold = f.rules.Paranoia, f.rules.InboundThreshold
	settings.RulesBefore, settings.RulesAfter = f.rules.RulesBefore, f.rules.RulesAfter
	rules := &waf.SiteRules{Settings: settings, Now: time.Now()}
	var err error
	if f.ruleset != "" {
		if rules.Set, err = waf.LoadRuleset(f.ruleset); err != nil {
			return nil, usagef("--ruleset: %w", err)
		}
	}
	if f.bundle != "" {
		if rules.Bundle, err = f.readBundle(cmd); err != nil {
			return nil, err
		}
	}
	engine, err := rules.Of("")
	if err != nil {
		return nil, usageError{err}
	}
	if rules.Set != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "rules: CRS %s from %s, %d in all; those of the program are %s\n", rules.Set.Version(), f.ruleset, engine.Rules(), waf.CRSVersion)
	}
	return rules, nil
}

// readBundle reads the bundle that --bundle names.
func (f *wafReplayFlags) readBundle(cmd *cobra.Command) (*bundle.Bundle, error) {
	kept := bundle.IsSum(f.bundle) || f.bundle == bundleStable || f.bundle == bundleCandidate
	if _, err := os.Stat(f.bundle); kept && err != nil {
		return f.keptBundle(cmd)
	}
	text, err := bundleArg(cmd, f.bundle)
	if err != nil {
		return nil, usagef("--bundle: %w%s", err, f.keptBundles(cmd))
	}
	b, err := bundle.Read(text)
	if err != nil {
		return nil, usagef("--bundle: %w", err)
	}
	return b, nil
}

// keptBundle reads a bundle of the server or the data folder.
func (f *wafReplayFlags) keptBundle(cmd *cobra.Command) (b *bundle.Bundle, err error) {
	switch {
	case f.data != "":
		db, err := state.Open(cmd.Context(), f.data, time.Now)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		fleet, err := fleet.Open(cmd.Context(), fleet.Options{State: db})
		if err != nil {
			return nil, err
		}
		name := f.bundle
		if r := fleet.Rollout(); r != nil && !bundle.IsSum(name) {
			name = rolledOut(name, r.Stable, r.Candidate)
		}
		if !bundle.IsSum(name) {
			return nil, usagef("--bundle: no bundle is %s%s", f.bundle, f.keptBundles(cmd))
		}
		if b, _, err = fleet.Bundle(cmd.Context(), name); errors.Is(err, state.ErrNotFound) {
			return nil, usagef("--bundle: %w%s", err, f.keptBundles(cmd))
		}
		return b, err
	case !f.live:
		return nil, usagef("--bundle: %s is kept by a server: name it by --server or --data, or give the file of a bundle", f.bundle)
	}
	name := f.bundle
	if !bundle.IsSum(name) {
		status, err := f.rolloutStatus(cmd)
		if err != nil {
			return nil, err
		}
		if status.Rollout != nil {
			name = rolledOut(name, status.Rollout.Stable, status.Rollout.Candidate)
		}
		if !bundle.IsSum(name) {
			return nil, usagef("--bundle: no bundle is %s%s", f.bundle, f.keptBundles(cmd))
		}
	}
	var answer struct{ Text string }
	if err := f.call(cmd.Context(), http.MethodGet, "/api/v1/bundles/"+name, nil, &answer); err != nil {
		return nil, fmt.Errorf("%w%s", err, f.keptBundles(cmd))
	}
	return bundle.Read([]byte(answer.Text))
}

// keptBundles is a hint which bundles there are, the newest first, "" if it is not known.
func (f *wafReplayFlags) keptBundles(cmd *cobra.Command) string {
	const most = 5
	var names []string
	switch {
	case f.data != "":
		db, err := state.Open(cmd.Context(), f.data, time.Now)
		if err != nil {
			return ""
		}
		defer func() { _ = db.Close() }() // only read
		kept, err := fleet.Open(cmd.Context(), fleet.Options{State: db})
		if err != nil {
			return ""
		}
		rows, err := kept.Bundles(cmd.Context(), time.Time{}, most)
		if err != nil {
			return ""
		}
		for _, row := range rows {
			names = append(names, row.Sum)
		}
	case f.live:
		var answer struct{ Bundles []struct{ Name string } }
		if err := f.call(cmd.Context(), http.MethodGet, "/api/v1/bundles?page_size="+strconv.Itoa(most), nil, &answer); err != nil {
			return ""
		}
		for _, b := range answer.Bundles {
			names = append(names, printable(b.Name))
		}
	default:
		return ""
	}
	if len(names) == 0 {
		return "; none is kept"
	}
	return "; the newest that are kept: " + strings.Join(names, ", ")
}

// rolledOut is the bundle that a word means.
func rolledOut(word, stable, candidate string) string {
	if word == bundleCandidate {
		return candidate
	}
	return stable
}
