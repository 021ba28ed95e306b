package waf

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/gatewatch/gatewatch/services/waf/sieve"
)

// Most rules do not match most requests. At the start of each phase a rule of our
// own asks the sieve which of CRS cannot match, and takes them out for this one
// request. What is left is evaluated by Coraza, so decisions, rules and scores are
// those of Coraza alone.

// Values of Settings.Accelerate.
const (
	accelerateOn  = "on"
	accelerateOff = "off"
)

const (
	sieveOperator = "gatewatchSieve"
	firstSieve    = 9999990 // ids, one for each phase, behind those of checkpoints
)

func init() {
	plugins.RegisterOperator(sieveOperator, func(o plugintypes.OperatorOptions) (plugintypes.Operator, error) {
		files, ok := o.Root.(*ruleFiles)
		if !ok {
			return nil, errors.New("operator of this program alone")
		}
		return files.sifting, nil
	})
}

// sieveRules are the rules that ask the sieve. They stand before CRS, behind own
// rules, which may refuse a request before it costs anything.
func sieveRules() string {
	var b strings.Builder
	for phase := 1; phase <= 4; phase++ {
		fmt.Fprintf(&b, "SecRule UNIQUE_ID \"@%s\" \"id:%d,phase:%d,t:none,pass,nolog\"\n", sieveOperator, firstSieve+phase-1, phase)
	}
	return b.String()
}

// sifting is the operator of one rule set. It never matches.
type sifting struct {
	sieve    *sieve.Sieve
	paranoia int          // rules of higher levels are not looked at
	rules    []sieve.Rule // until they are compiled
	checks   checks
	stops    stops
}

// sifted is a transaction that rules can be taken out of.
type sifted interface {
	RemoveRuleByID(id int)
	RemoveRuleByIDRange(first, last int)
}

// Evaluate takes out what cannot match in the phase that has begun.
func (s *sifting) Evaluate(tx plugintypes.TransactionState, _ string) bool {
	t, ok := tx.(sifted)
	if !ok || s.sieve == nil || s.checks.failed.Load() || s.checks.leaves(tx) {
		return false
	}
	drop := func(first, last int) {
		if first == last {
			t.RemoveRuleByID(first)
		} else {
			t.RemoveRuleByIDRange(first, last)
		}
	}
	s.sieve.Sift(tx.LastPhase(), tx, func() { inTime{&s.stops}.Evaluate(tx, "") }, drop)
	return false
}

// observe takes note of a rule in the order of evaluation.
func (s *sifting) observe(r types.RuleMetadata) {
	level := 0
	for _, tag := range r.Tags() {
		if n, found := strings.CutPrefix(tag, "paranoia-level/"); found && len(n) == 1 {
			level = int(n[0] - '0')
		}
	}
	s.rules = append(s.rules, sieve.Rule{
		ID: r.ID(), Phase: int(r.Phase()), Raw: r.Raw(),
		Common: level <= s.paranoia && strings.Contains(r.File(), "@owasp_crs/"),
		Level:  level,
		Stays:  r.ID() >= firstCheckpoint && r.ID() <= lastCheckpoint,
		Pause:  r.ID() >= firstCheckpoint && r.ID() < firstSieve,
	})
}

// compile makes the sieve of all rules that were observed.
func (s *sifting) compile() {
	s.sieve = sieve.Compile(s.rules, func(name string) ([]byte, error) {
		return fs.ReadFile(coreruleset.FS, path.Join("@owasp_crs", path.Base(name)))
	})
	s.rules = nil
}

var (
	// numbered is an action that counts rules, of which acceleration adds one.
	numbered = regexp.MustCompile(`(?i)\bskip[ \t]*:`)
	// ruleMacro shows the rule before the one that is evaluated if that has nothing
	// to show.
	ruleMacro = regexp.MustCompile(`(?i)%\{rule\b|^SecRule[ \t]+(?:"[^"]*|\S*)\bRULE\b`)
	// fewerSettings takes values of TX from a rule, which may count them.
	fewerSettings = regexp.MustCompile(`(?i)\bruleRemoveTargetBy\w+[ \t]*=[^;]*;[ \t]*TX\b`)
	// defaultSteps has rules look at more than their own text says.
	defaultSteps = regexp.MustCompile(`(?i)^SecDefaultAction\b.*multimatch`)
)

// alters returns the first of own directives that makes it unknown what the rules of
// CRS are or which of them are evaluated, so that nothing can be accelerated, "" for
// none. Taking targets away does not: a rule with fewer of them matches no more than
// before.
func alters(text string) (directive string) {
	for d := range ownDirectives(text) {
		update := strings.HasPrefix(strings.ToLower(d), "secruleupdate")
		if update && !narrows(d) || numbered.MatchString(d) || ruleMacro.MatchString(d) || fewerSettings.MatchString(d) || defaultSteps.MatchString(d) {
			return d
		}
	}
	return ""
}

// ownDirectives yields the directives of a text, each in one line, as Coraza cuts
// them: a comment ends with its line, and stands between the lines of a directive too.
func ownDirectives(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var b strings.Builder
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			part, goesOn := strings.CutSuffix(line, `\`)
			b.WriteString(part)
			if goesOn {
				continue
			}
			if !yield(b.String()) {
				return
			}
			b.Reset()
		}
	}
}

// narrows tells whether a directive takes targets away and does nothing else. Of TX
// rules count them too, and fewer may match there.
func narrows(update string) bool {
	fields := strings.Fields(update)
	if len(fields) != 3 || !strings.HasPrefix(strings.ToLower(fields[0]), "secruleupdatetargetby") {
		return false
	}
	for target := range strings.SplitSeq(strings.Trim(fields[2], `"`), "|") {
		if !strings.HasPrefix(target, "!") || strings.HasPrefix(strings.ToLower(target), "!tx") {
			return false
		}
	}
	return true
}
