// Package tuning proposes changes of a rule set that let legitimate requests
// pass which it blocks, each as narrow as it can be, and proves them: every
// change is compiled into the real engine and the requests that it concerns are
// judged again, legitimate ones and attacks.
//
// A proposal has one cause on one site, and on one path unless a whole site was
// asked for. It follows the ladder that the Core Rule Set recommends: allow a
// content type or a method where a policy rule blocked it, take one target out
// of one rule, and only then take the rule away, always before CRS by ctl
// actions. Rules that sum up scores and decide (901, 949, 959, 980) and those of
// the engine itself are never touched.
//
// Everything in a request was written by who sent it: names and paths get into
// directives only as characters that SecLang gives no meaning to.
package tuning

import (
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/waf"
)

// Case is a blocked request with what the rules and the verdict say about it.
// It is not changed.
type Case struct {
	Request  *verdict.Request
	Body     int64        // size of the body that came; more than the request has if it was cut
	Decision waf.Decision // values of matches are not needed
	PAttack  float64      // of the verdict; 0 or 1 where a person has said what it is
	Labeled  bool         // a person has
	Verdict  float64      // what the verdict says beside a label; 0 without a verdict
	Labeler  string       // who has said it, where that is known
}

// disputed tells whether the verdict is sure that a label is wrong which takes a block
// for a false positive.
func (c *Case) disputed() bool { return c.Labeled && c.PAttack < MaxSuspect && c.Verdict >= MaxSuspect }

// Suspect is the probability from which on a request is taken for an attack where
// nothing else is said.
const Suspect = 0.5

// MaxSuspect is the probability from which on a verdict alone makes a blocked request
// one of the guard, which must stay blocked, whatever [Config] says.
const MaxSuspect = 0.9

// Scope is how wide a proposal may be.
type Scope string

// The scopes. Site lets a proposal hold for all paths of a site.
const (
	Path Scope = "path"
	Site Scope = "site"
)

// Config bounds what is proposed. The zero value is the default; it frees no
// attack of the guard.
type Config struct {
	Scope     Scope
	Limit     int     // proposals at most; default 100
	GuardLoss float64 // share of the guard's blocked attacks that all proposals together may free
	FirstID   int     // of the rules that are made; default [FirstID]
	// Suspect is the probability of an attack below which a block is taken for a
	// false positive; default [Suspect].
	Suspect float64
}

// GuardLoss is the share that is meant where nothing else is said.
const GuardLoss = 0.005

// FirstID is the first id of rules made by proposals.
const FirstID = 9900000

func (c Config) withDefaults() Config {
	if c.Scope == "" {
		c.Scope = Path
	}
	if c.Limit == 0 {
		c.Limit = 100
	}
	if c.FirstID == 0 {
		c.FirstID = FirstID
	}
	if c.Suspect == 0 {
		c.Suspect = Suspect
	}
	return c
}

// wrong tells whether a block is taken for a false positive.
func (c Config) wrong(x *Case) bool { return x.PAttack < c.Suspect }

// Proposal is a change that was replayed. What it frees is counted with all
// proposals before it in place.
type Proposal struct {
	ID        int      // of the rule of Directive
	Directive string   // SecLang, for a place before CRS
	Portable  string   // the same for ModSecurity v3 where that knows less or compares by the letter, else empty
	Site      string   // as the requests name it
	Path      string   // template of the path, "*" for the whole site
	Rules     []int    // that are changed, in order
	Unblocks  []string // ids of requests that are no longer blocked
	Released  []string // those of Unblocks that are taken for attacks
	Guard     []string // ids of the guard's attacks that are no longer blocked
	Disputed  []string // those of Unblocks that a person, and not the verdict, takes for false positives; the verdict is sure
	Evidence  []verdict.Evidence
}
