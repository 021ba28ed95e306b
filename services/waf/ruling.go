package waf

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// ruling is how a site is run: its configuration with what a bundle changes of it.
type ruling struct {
	mode  Mode
	rules Settings
	own   bundle.Directives
}

// rulingOf returns how a site is run under a bundle, nil for none, at a time.
func rulingOf(c SiteConfig, b *bundle.Bundle, now time.Time) (ruling, error) {
	if b != nil && b.CRS != CRSVersion {
		return ruling{}, fmt.Errorf("bundle is made for CRS %s, this node has %s", b.CRS, CRSVersion)
	}
	return rulingUnder(c, b, now)
}

// rulingUnder is rulingOf for whatever version of CRS.
func rulingUnder(c SiteConfig, b *bundle.Bundle, now time.Time) (ruling, error) {
	r := ruling{mode: c.Mode, rules: c.Rules}
	if b == nil {
		return r, nil
	}
	s := b.Site(c.Name)
	if s.Mode != "" {
		r.mode = Mode(s.Mode)
	}
	number := func(to *int, from int) {
		if from != 0 {
			*to = from
		}
	}
	number(&r.rules.Paranoia, s.Paranoia)
	number(&r.rules.DetectionParanoia, s.DetectionParanoia)
	r.rules.DetectionParanoia = max(r.rules.DetectionParanoia, r.rules.Paranoia)
	number(&r.rules.InboundThreshold, s.InboundThreshold)
	number(&r.rules.OutboundThreshold, s.OutboundThreshold)
	var err error
	r.own, err = b.For(c.Name, now)
	return r, err
}

// CompileBundle compiles the rules of a site under a bundle and checks that they
// still do their work: an obvious attack scores and is blocked, and a plain request
// passes.
func CompileBundle(s Settings, b *bundle.Bundle, site string, now time.Time) (*Engine, error) {
	r, err := rulingOf(SiteConfig{Name: site, Rules: s.withDefaults()}, b, now)
	if err != nil {
		return nil, err
	}
	return r.compile("")
}

// CompileSite is [CompileBundle] with directives before all of CRS, and before those
// of the bundle; b may be nil. Nothing is tried out.
func CompileSite(s Settings, b *bundle.Bundle, site, directives string, now time.Time) (*Engine, error) {
	r, err := rulingOf(SiteConfig{Name: site, Rules: s.withDefaults()}, b, now)
	if err != nil {
		return nil, err
	}
	return program{settings: r.rules, before: r.own.Before + directives, after: r.own.After}.compile()
}

// compile compiles the rules of a ruling; directives stand before all of CRS. Those
// of a bundle are tried out.
func (r ruling) compile(directives string) (*Engine, error) {
	engine, err := program{settings: r.rules, before: directives + r.own.Before, after: r.own.After}.compile()
	if err != nil || r.own == (bundle.Directives{}) {
		return engine, err
	}
	if err := engine.prove(); err != nil {
		return nil, errors.Join(fmt.Errorf("try rules out: %w", err), engine.Close())
	}
	return engine, nil
}

// key identifies a ruling for sharing an engine.
func (r ruling) key(directives string) string {
	return r.rules.key() + directives + r.own.Before + "\x00" + r.own.After
}

// Requests that rules are tried out on: one with an attack of each common kind, and
// one that nobody may have a reason to block.
var (
	obviousAttack = &verdict.Request{
		ID: "attack", Method: "GET", Proto: "HTTP/1.1", Headers: browser,
		URI: "/gatewatch-probe?a=%27%20UNION%20SELECT%20password%20FROM%20users--%20-&b=%3Cscript%3Ealert(1)%3C/script%3E&c=;cat%20/etc/passwd&d=../../../../etc/passwd&e=$%7Bjndi:ldap://x/a%7D",
	}
	harmlessRequest = &verdict.Request{ID: "plain", Method: "GET", Proto: "HTTP/1.1", Headers: browser, URI: "/"}
	browser         = [][2]string{
		{"Host", "www.example.com"},
		{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"},
	}
)

// leastScore is what an obvious attack must score: one critical rule.
const leastScore = 5

// prove tries the rules out.
func (e *Engine) prove() error {
	attack, err := e.JudgeRequest(context.Background(), obviousAttack)
	switch {
	case err != nil:
		return err
	case attack.Score < leastScore:
		return fmt.Errorf("an obvious attack scores %d: the rules detect nothing any more", attack.Score)
	case attack.Score >= e.settings.InboundThreshold && !attack.Block:
		return fmt.Errorf("an obvious attack scores %d, over the threshold of %d, and is not blocked", attack.Score, e.settings.InboundThreshold)
	}
	plain, err := e.JudgeRequest(context.Background(), harmlessRequest)
	if err == nil && plain.Block {
		err = fmt.Errorf("a plain GET / is blocked by rules %v", plain.Scoring)
	}
	return err
}

// rulings makes the rules of the sites of a state under an assignment. Sites whose
// rules are the same share one engine.
type rulings struct {
	state      *state
	assignment *assignment // nil for none
	now        time.Time
	engines    map[string]*Engine
}

func newRulings(st *state, a *assignment, now time.Time) *rulings {
	r := &rulings{state: st, assignment: a, now: now, engines: map[string]*Engine{}}
	if a == nil {
		return r
	}
	for _, b := range []*bundle.Bundle{a.stable, a.candidate} {
		if b == nil {
			continue
		}
		if next := b.NextExpiry(now); !next.IsZero() && (st.expiry.IsZero() || next.Before(st.expiry)) {
			st.expiry = next
		}
	}
	return r
}

// engine returns the compiled rules of a site under a bundle, nil for none.
func (r *rulings) engine(c SiteConfig, b *bundle.Bundle) (ruling, *Engine, error) {
	how, err := rulingOf(c, b, r.now)
	if err != nil {
		return how, nil, err
	}
	directives := c.Request.directives()
	key := how.key(directives)
	if r.engines[key] == nil {
		engine, err := how.compile(directives)
		if err != nil {
			return how, nil, err
		}
		r.engines[key], r.state.engines = engine, append(r.state.engines, engine)
	}
	return how, r.engines[key], nil
}

// stable returns how a site is run.
func (r *rulings) stable(c SiteConfig) (Mode, *Engine, error) {
	var b *bundle.Bundle
	if r.assignment != nil {
		b = r.assignment.stable
	}
	how, engine, err := r.engine(c, b)
	return how.mode, engine, err
}

// candidate returns what is tried out on a site, nil for nothing.
func (r *rulings) candidate(s *site) (*trial, error) {
	if r.assignment == nil || r.assignment.candidate == nil {
		return nil, nil
	}
	how, engine, err := r.engine(s.config, r.assignment.candidate)
	if err != nil {
		return nil, err
	}
	offer := r.assignment.Offer
	if offer.Stage == bundle.StageShadow {
		return &trial{beside: engine}, nil
	}
	other := *s
	other.mode, other.engine, other.candidate = how.mode, engine, true
	return &trial{site: &other, share: offer.Share, salt: offer.Candidate}, nil
}
