package waf

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// The engine cannot be told to stop. So rules of our own stand between those of
// CRS that match nothing and end the evaluation once its time is over.

const (
	checkpointOperator = "gatewatchInTime"
	checkpointUntil    = "gatewatch_until" // key in TX of the end, in nanoseconds since 1970
	checkpointEvery    = 8                 // rules
	firstCheckpoint    = 9991000           // ids
	lastCheckpoint     = 9999999
)

func init() {
	plugins.RegisterOperator(checkpointOperator, func(plugintypes.OperatorOptions) (plugintypes.Operator, error) {
		return inTime{}, nil
	})
}

// inTime panics with errTime when the time of a transaction is over, which
// [evaluation.guarded] turns into an error.
type inTime struct{}

func (inTime) Evaluate(tx plugintypes.TransactionState, _ string) bool {
	set := tx.Variables().TX().Get(checkpointUntil)
	if len(set) == 0 {
		return false
	}
	if until, err := strconv.ParseInt(set[0], 10, 64); err == nil && time.Now().UnixNano() > until {
		panic(errTime)
	}
	return false
}

// until sets the time at which the rules are to stop.
func (v *evaluation) until(at time.Time) {
	if v.state != nil {
		v.state.Variables().TX().Set(checkpointUntil, []string{strconv.FormatInt(at.UnixNano(), 10)})
	}
}

var (
	rulePhase = regexp.MustCompile(`\bphase:([1-4])\b`)
	ruleSkip  = regexp.MustCompile(`\bskip:\d`)
)

// checkpoints puts rules into the files of CRS.
type checkpoints struct{ next int }

// insert returns the text of a file with a checkpoint before every eighth rule,
// in the phase of that rule. Rules of a chain are indented in CRS and stay
// together; so does a rule with the one before it that may skip it by number.
func (c *checkpoints) insert(text string) string {
	var b strings.Builder
	rules := strings.Split("\n"+text, "\nSecRule ")
	b.WriteString(strings.TrimPrefix(rules[0], "\n"))
	for i, rule := range rules[1:] {
		b.WriteByte('\n')
		if m := rulePhase.FindStringSubmatch(rule); i%checkpointEvery == 0 && m != nil && !ruleSkip.MatchString(rules[i]) {
			fmt.Fprintf(&b, "SecRule UNIQUE_ID \"@%s\" \"id:%d,phase:%s,t:none,pass,nolog\"\n", checkpointOperator, firstCheckpoint+c.next, m[1])
			c.next++
		}
		b.WriteString("SecRule ")
		b.WriteString(rule)
	}
	return b.String()
}
