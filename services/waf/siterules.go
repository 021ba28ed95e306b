package waf

import (
	"errors"
	"sync"
	"time"

	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// RulesOf makes the engine that judges the requests of a site.
type RulesOf func(site string) (*Engine, error)

// RulesOf is the engine, for all sites.
func (e *Engine) RulesOf(string) (*Engine, error) { return e, nil }

// SiteRules are the rules of all sites, compiled once they are asked for: sites that
// are judged alike share an engine. Its methods may be called concurrently.
type SiteRules struct {
	Settings Settings       // where the bundle says nothing
	Bundle   *bundle.Bundle // nil for none
	Set      *Ruleset       // nil for CRS as it comes with the program; a bundle may be of another version then
	Now      time.Time      // exclusions that have expired by then are left out

	mu      sync.Mutex
	byKey   map[string]*Engine
	bySite  map[string]*Engine
	refused map[string]error // by site
}

// Of is a [RulesOf]. The engine is closed with all others.
func (r *SiteRules) Of(site string) (*Engine, error) {
	if !r.names(site) {
		site = "" // as all that are not named
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey, r.bySite, r.refused = map[string]*Engine{}, map[string]*Engine{}, map[string]error{}
	}
	if e := r.bySite[site]; e != nil {
		return e, nil
	}
	if err := r.refused[site]; err != nil {
		return nil, err
	}
	e, err := r.compile(site)
	if err != nil {
		r.refused[site] = err
		return nil, err
	}
	r.bySite[site] = e
	return e, nil
}

// names tells whether the bundle says anything of the site itself.
func (r *SiteRules) names(site string) bool {
	if r.Bundle == nil {
		return false
	}
	for i := range r.Bundle.Sites {
		if r.Bundle.Sites[i].Name == site {
			return true
		}
	}
	for i := range r.Bundle.Exclusions {
		if r.Bundle.Exclusions[i].Site == site {
			return true
		}
	}
	return false
}

func (r *SiteRules) compile(site string) (*Engine, error) {
	under := rulingOf
	if r.Set != nil {
		under = rulingUnder
	}
	x, err := under(SiteConfig{Name: site, Rules: r.Settings.withDefaults()}, r.Bundle, r.Now)
	if err != nil {
		return nil, err
	}
	key := x.key("")
	if e := r.byKey[key]; e != nil {
		return e, nil
	}
	e, err := program{settings: x.rules, before: x.own.Before, after: x.own.After, set: r.Set}.compile()
	if err == nil {
		r.byKey[key] = e
	}
	return e, err
}

// Close frees what the rules share with other engines.
func (r *SiteRules) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for _, e := range r.byKey {
		err = errors.Join(err, e.Close())
	}
	r.byKey, r.bySite = nil, nil
	return err
}
