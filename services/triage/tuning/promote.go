package tuning

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
)

// sources are the rules of CRS for requests as they are written, by id, chains whole.
var sources = sync.OnceValue(func() map[int]string {
	names, err := fs.Glob(coreruleset.FS, "@owasp_crs/REQUEST-9*.conf")
	if err != nil {
		panic(err) // a pattern
	}
	all := map[int]string{}
	for _, name := range names {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			panic(err) // compiled in
		}
		collect(all, string(text))
	}
	return all
})

var ruleID = regexp.MustCompile(`[",]\s*id:([0-9]+)`)

// collect takes the rules of a file apart.
func collect(all map[int]string, text string) {
	chain, id := "", 0
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", ""), "\n") {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "SecRule ") {
			continue
		}
		if chain == "" {
			m := ruleID.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			id, _ = strconv.Atoi(m[1]) // digits
		}
		chain += line + "\n"
		if !chained.MatchString(line) {
			all[id], chain = chain, ""
		}
	}
}

var (
	chained  = regexp.MustCompile(`[",]\s*chain\s*[",]`)
	levelTwo = regexp.MustCompile(`tx\.inbound_anomaly_score_pl[2-4]=`)
	phase    = regexp.MustCompile(`phase:[12],`)
	spaces   = regexp.MustCompile(`,\s+`)
	// described are actions that say nothing of what a rule does.
	described = regexp.MustCompile(`,\s*(?:tag|ver):'[^']*'`)
)

// promotion is a rule above paranoia level 1 under an id of its own, by which it counts
// at level 1. It stands before CRS and is evaluated with the body, when CRS has set its
// variables and before it sums up. It fails where the rule cannot stand in a bundle.
func promotion(rule, id int) (string, error) {
	text, ok := sources()[rule]
	if !ok || !levelTwo.MatchString(text) || !touchable(rule) {
		return "", fmt.Errorf("rule %d is not one above paranoia level 1 that scores", rule)
	}
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		at := strings.LastIndex(line, `" `) // of the operator's end
		if at < 0 {
			at = len(line)
		}
		head, actions := line[:at], described.ReplaceAllString(line[at:], "")
		head = strings.ReplaceAll(head, "`", `\x60`) // the same in an expression, and allowed in a bundle
		actions = spaces.ReplaceAllString(levelTwo.ReplaceAllString(actions, "tx.inbound_anomaly_score_pl1="), ",")
		if i == 0 {
			actions = strings.Replace(actions, "id:"+strconv.Itoa(rule), "id:"+strconv.Itoa(id), 1)
			actions = phase.ReplaceAllString(actions, "phase:2,")
			actions = strings.Replace(actions, "msg:'", "msg:'rule "+strconv.Itoa(rule)+" at paranoia level 1: ", 1)
		}
		b.WriteString(head + actions + "\n")
	}
	_, err := (&bundle.Bundle{Version: bundle.Version, CRS: waf.CRSVersion, Exclusions: []bundle.Exclusion{
		{ID: "x", Owner: "x", Reason: "x", Directive: b.String()},
	}}).Encode()
	if err != nil {
		return "", fmt.Errorf("rule %d can not stand in a bundle: %w", rule, err)
	}
	return b.String(), nil
}
