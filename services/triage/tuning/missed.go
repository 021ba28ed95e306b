package tuning

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/waf"
)

// Allowed is a request that the rules let pass. It is not changed.
type Allowed struct {
	ID     string // of the decision
	Copy   *kept.Copy
	Attack bool    // it should not have passed
	Legit  bool    // it should; neither is set where nothing is known
	Weight float64 // how many such requests it stands for, at least 1
}

// MaxCost is the largest share of the legitimate requests that one rule may block where
// nothing else is said.
const MaxCost = 0.005

// MissedConfig bounds what is promoted. The zero value is the default.
type MissedConfig struct {
	FirstID int     // of the rules that are made; default [FirstID]
	MaxCost float64 // largest share of the legitimate requests that one rule may block; default [MaxCost]
	Limit   int     // rules at most; default 20
}

func (c MissedConfig) withDefaults() MissedConfig {
	if c.FirstID == 0 {
		c.FirstID = FirstID
	}
	if c.MaxCost == 0 {
		c.MaxCost = MaxCost
	}
	if c.Limit == 0 {
		c.Limit = 20
	}
	return c
}

// Promotion is a rule of a higher paranoia level that is to block at the level in use.
type Promotion struct {
	Rule      int
	ID        int    // of the rule of Directive
	Directive string // SecLang, for a place before CRS
	Site      string
	Catches   []string // missed attacks that are blocked, by promotions before it not yet
	Blocks    []string // legitimate requests that are blocked, too
	// Cost is the share of the legitimate requests that it blocks, with a 95 % interval.
	Cost, CostLow, CostHigh float64
	Evidence                []verdict.Evidence
}

// Unanswered is a missed attack that no promotion blocks.
type Unanswered struct{ ID, Site, Why string }

// MissedPlan is what can be done about missed attacks.
type MissedPlan struct {
	Promotions []Promotion
	Unanswered []Unanswered
	Missed     int
	Legit      int
	LeftOut    LeftOut
	Partial    []string
}

// SternRules gives the ids of the rules above paranoia level 1 that match a copy.
type SternRules func(*kept.Copy) ([]int, error)

// Missed looks for the rules of higher paranoia levels that would have blocked the
// attacks among requests of a site which the rules let pass. Each one that blocks no
// more of the legitimate requests than it may is replayed with the others over all
// requests before it is returned; those that catch most come first.
func Missed(ctx context.Context, cfg MissedConfig, site string, compile Compile, stern SternRules, all []Allowed) (*MissedPlan, error) {
	m := &missed{cfg: cfg.withDefaults(), site: site, compile: compile, all: all, found: map[int][]int{}, refused: map[int]error{}, costly: map[int]error{}}
	if err := m.candidates(stern); err != nil {
		return nil, err
	}
	if err := m.choose(ctx); err != nil {
		return nil, err
	}
	if err := m.prove(ctx); err != nil {
		return nil, err
	}
	return m.plan(), nil
}

// missed is one run of [Missed].
type missed struct {
	cfg     MissedConfig
	site    string
	compile Compile
	all     []Allowed
	found   map[int][]int // sterner rules by attack
	rules   []int         // candidates
	texts   map[int]string
	refused map[int]error // candidates that cannot be promoted, and why
	costly  map[int]error // those that block too much
	hits    map[int][]int // requests by rule
	chosen  []int
	result  []Promotion
}

// candidates are the sterner rules that match attacks.
func (m *missed) candidates(stern SternRules) error {
	m.texts = map[int]string{}
	for i := range m.all {
		if !m.all[i].Attack {
			continue
		}
		ids, err := stern(m.all[i].Copy)
		if err != nil {
			return err
		}
		m.found[i] = ids
		for _, id := range ids {
			if m.texts[id] != "" || m.refused[id] != nil {
				continue
			}
			text, err := promotion(id, m.cfg.FirstID+len(m.rules))
			switch {
			case err != nil:
			case id/1000 <= 922:
				err = fmt.Errorf("rule %d names no attack: it is about the form of requests", id)
			case !strings.Contains(text, "inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}"):
				err = fmt.Errorf("rule %d scores too little to block by itself", id)
			}
			if err != nil {
				m.refused[id] = err
				continue
			}
			m.texts[id] = text
			m.rules = append(m.rules, id)
		}
	}
	return nil
}

// judge tells for each request which of some promotions score, and whether it is blocked.
func (m *missed) judge(ctx context.Context, directives string) (scoring [][]int, blocked []bool, err error) {
	engine, err := m.compile(directives)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = engine.Close() }() // its caches go in any case
	scoring, blocked = make([][]int, len(m.all)), make([]bool, len(m.all))
	err = eachOf(ctx, len(m.all), func(i int) error {
		d, err := waf.Within(ctx, waf.JudgeLimit, func(ctx context.Context) (waf.Decision, error) { return engine.JudgeCopy(ctx, m.all[i].Copy) })
		if err == nil { // what the engine cannot judge says nothing
			scoring[i], blocked[i] = d.Scoring, d.Block
		}
		return nil
	})
	return scoring, blocked, err
}

// choose takes the rules that catch most, one after the other.
func (m *missed) choose(ctx context.Context) error {
	if len(m.rules) == 0 {
		return nil
	}
	directives := ""
	for _, rule := range m.rules {
		directives += m.texts[rule]
	}
	scoring, _, err := m.judge(ctx, directives)
	if err != nil {
		return err
	}
	m.hits = map[int][]int{}
	for i, ids := range scoring {
		for n, rule := range m.rules {
			if slices.Contains(ids, m.cfg.FirstID+n) {
				m.hits[rule] = append(m.hits[rule], i)
			}
		}
	}
	caught := map[int]bool{}
	for len(m.chosen) < m.cfg.Limit {
		best, most := 0, 0
		for _, rule := range m.rules {
			n := 0
			for _, i := range m.hits[rule] {
				if m.all[i].Attack && !caught[i] {
					n++
				}
			}
			if share, _, _ := m.cost(m.hits[rule]); share > m.cfg.MaxCost {
				m.costly[rule] = fmt.Errorf("rule %d would block %.2f %% of the legitimate requests, too", rule, 100*share)
				continue
			}
			if n > most {
				best, most = rule, n
			}
		}
		if most == 0 {
			return nil
		}
		m.chosen = append(m.chosen, best)
		for _, i := range m.hits[best] {
			caught[i] = true
		}
	}
	return nil
}

// cost is the share of the legitimate requests that are among some, with the 95 %
// interval of Wilson over as many requests as the weights are worth.
func (m *missed) cost(hit []int) (share, low, high float64) {
	of, total, squares := 0.0, 0.0, 0.0
	for i := range m.all {
		if x := &m.all[i]; x.Legit {
			total += x.Weight
			squares += x.Weight * x.Weight
		}
	}
	for _, i := range hit {
		if x := &m.all[i]; x.Legit {
			of += x.Weight
		}
	}
	if total == 0 {
		return 0, 0, 1
	}
	share = of / total
	low, high = Wilson(share, total*total/squares)
	return share, low, high
}

// prove replays what was chosen, all together, over all requests.
func (m *missed) prove(ctx context.Context) error {
	if len(m.chosen) == 0 {
		return nil
	}
	directives := ""
	for n, rule := range m.chosen {
		text, err := promotion(rule, m.cfg.FirstID+n)
		if err != nil {
			return err
		}
		directives += text
		share, low, high := m.cost(m.hits[rule])
		m.result = append(m.result, Promotion{
			Rule: rule, ID: m.cfg.FirstID + n, Directive: text, Site: m.site, Catches: []string{}, Blocks: []string{}, Cost: share, CostLow: low, CostHigh: high,
		})
	}
	scoring, blocked, err := m.judge(ctx, directives)
	if err != nil {
		return err
	}
	for i, ids := range scoring {
		n := slices.IndexFunc(m.result, func(p Promotion) bool { return slices.Contains(ids, p.ID) })
		if n < 0 || !blocked[i] {
			continue
		}
		p := &m.result[n]
		switch x := &m.all[i]; {
		case x.Attack:
			p.Catches = append(p.Catches, x.ID)
			delete(m.found, i)
		case x.Legit:
			p.Blocks = append(p.Blocks, x.ID)
		}
	}
	m.result = slices.DeleteFunc(m.result, func(p Promotion) bool { return len(p.Catches) == 0 }) // its score does not suffice
	return nil
}

func (m *missed) plan() *MissedPlan {
	p := &MissedPlan{Promotions: m.result}
	for i := range m.all {
		switch x := &m.all[i]; {
		case x.Attack:
			p.Missed++
			if rules, open := m.found[i]; open {
				p.Unanswered = append(p.Unanswered, Unanswered{x.ID, m.site, m.why(x.Copy, rules)})
			}
		case x.Legit:
			p.Legit++
		}
	}
	for i := range p.Promotions {
		r := &p.Promotions[i]
		r.Evidence = []verdict.Evidence{
			{Name: "change", Detail: fmt.Sprintf("rule %d blocks at the paranoia level in use, on %s", r.Rule, m.site)},
			{Name: "catches", Weight: float64(len(r.Catches)), Detail: fmt.Sprintf("%d of %d missed attacks are blocked", len(r.Catches), p.Missed)},
			{Name: "cost", Weight: 0 - float64(len(r.Blocks)), Detail: fmt.Sprintf("%d of %d legitimate requests of the site are blocked, too: %.2f %% (%.2f to %.2f %%)",
				len(r.Blocks), p.Legit, 100*r.Cost, 100*r.CostLow, 100*r.CostHigh)},
		}
	}
	return p
}

// why says what CRS has against a missed attack, if no promotion catches it.
func (m *missed) why(c *kept.Copy, rules []int) string {
	body := bytes.ToLower(c.Request.Body)
	switch {
	case bytes.Contains(body, []byte("<!entity")) || bytes.Contains(body, []byte("<!doctype")) && bytes.Contains(body, []byte("system")):
		return "CRS does not cover XML documents that declare entities (XXE) at any paranoia level: switch entities off in the application's parser"
	case bytes.Contains(body, []byte("filename=")):
		return "CRS does not look into uploaded files at any paranoia level: check them where the application takes them"
	}
	for _, id := range rules {
		if err := m.costly[id]; err != nil {
			return err.Error()
		}
	}
	for _, id := range slices.Backward(rules) { // those that name an attack come last
		if err := m.refused[id]; err != nil {
			return err.Error()
		}
	}
	if len(rules) > 0 {
		return fmt.Sprintf("rules %s match, and do not score enough to block", strings.Trim(fmt.Sprint(rules), "[]"))
	}
	return "no rule of CRS matches at any paranoia level: a rule of your own is needed, or a patch of the application"
}

// Missed looks for promotions among the allowed requests that nodes have kept: missed
// attacks are those with a label, or a verdict of 0.9 and more.
func (l *Live) Missed(ctx context.Context, cfg MissedConfig, s Selection, stern SternRules) (*MissedPlan, error) {
	cfg = cfg.withDefaults()
	bySite, left, partial, err := l.read(ctx, s, "waf.decision: allow")
	if err != nil {
		return nil, err
	}
	plan := &MissedPlan{LeftOut: left, Partial: partial}
	for _, site := range slices.Sorted(maps.Keys(bySite)) {
		passing, err := l.passing(ctx, site, bySite[site], &plan.LeftOut)
		if err != nil {
			return nil, fmt.Errorf("site %q: %w", site, err)
		}
		var all []Allowed
		for _, r := range passing {
			weight := 1.0
			if r.copy.Probability > 0 {
				weight = 1 / r.copy.Probability
			}
			all = append(all, Allowed{ID: r.ref.ID, Copy: r.copy, Attack: r.pAttack >= MaxSuspect, Legit: r.pAttack < Suspect, Weight: weight})
		}
		found, err := Missed(ctx, cfg, site, func(directives string) (*waf.Engine, error) { return l.Rules(site, directives) }, stern, all)
		if err != nil {
			return nil, fmt.Errorf("site %q: %w", site, err)
		}
		for _, p := range found.Promotions { // not all that were chosen are there
			cfg.FirstID = max(cfg.FirstID, p.ID+1)
		}
		plan.Promotions = append(plan.Promotions, found.Promotions...)
		plan.Unanswered = append(plan.Unanswered, found.Unanswered...)
		plan.Missed += found.Missed
		plan.Legit += found.Legit
	}
	return plan, nil
}

// passing are the requests that the rules in use let pass still: of the others nothing
// is missed any more.
func (l *Live) passing(ctx context.Context, site string, all []request, left *LeftOut) (still []request, err error) {
	engine, err := l.Rules(site, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = engine.Close() }() // its caches go in any case
	blocked, failed := make([]bool, len(all)), make([]bool, len(all))
	err = eachOf(ctx, len(all), func(i int) error {
		d, err := waf.Within(ctx, waf.JudgeLimit, func(ctx context.Context) (waf.Decision, error) { return engine.JudgeCopy(ctx, all[i].copy) })
		blocked[i], failed[i] = d.Block, err != nil
		return nil
	})
	for i := range all {
		switch {
		case failed[i]:
			left.Unreadable++
		case blocked[i]:
			left.Otherwise++
		default:
			still = append(still, all[i])
		}
	}
	return still, err
}
