package waf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
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
	checkpointsOfPhase = 2000              // ids for each of the phases 1 to 4
	lastCheckpoint     = 9999999
)

func init() {
	plugins.RegisterOperator(checkpointOperator, func(o plugintypes.OperatorOptions) (plugintypes.Operator, error) {
		files, ok := o.Root.(*ruleFiles)
		if !ok {
			return nil, errors.New("operator of this program alone")
		}
		return inTime{&files.sifting.stops}, nil
	})
}

// stops are the contexts that evaluations by one engine obey.
type stops struct{ contexts sync.Map } // of context.Context by transaction

// stopped is what a checkpoint panics with.
type stopped struct{ why error }

// inTime panics with stopped when the time of a transaction is over, or its context,
// which [evaluation.guarded] turns into an error.
type inTime struct{ stops *stops }

func (i inTime) Evaluate(tx plugintypes.TransactionState, _ string) bool {
	set := tx.Variables().TX().Get(checkpointUntil)
	if len(set) == 0 {
		return false
	}
	if until, err := strconv.ParseInt(set[0], 10, 64); err == nil && time.Now().UnixNano() > until {
		panic(stopped{errTime})
	}
	if ctx, ok := i.stops.contexts.Load(tx); ok {
		if ctx, ok := ctx.(context.Context); ok && ctx.Err() != nil {
			panic(stopped{context.Cause(ctx)})
		}
	}
	return false
}

// obey has the rules stop when a context ends. What they are in the middle of, such as
// the body's parser or one rule over all of a long body, they end first.
func (v *evaluation) obey(ctx context.Context) {
	if v.state == nil || ctx.Done() == nil {
		return
	}
	v.until(time.Unix(0, math.MaxInt64))
	v.engine.sifting.stops.contexts.Store(v.state, ctx)
	v.obeys = true
}

// until sets the time at which the rules are to stop.
func (v *evaluation) until(at time.Time) {
	if v.state != nil {
		v.state.Variables().TX().Set(checkpointUntil, []string{strconv.FormatInt(at.UnixNano(), 10)})
	}
}

var (
	rulePhase = regexp.MustCompile(`\bphase:([1-4])\b`)
	ruleBound = regexp.MustCompile(`\bskip:\d|\bchain\b`) // to the one behind it
)

// checkpoints puts rules into the files of CRS. Those of a phase have ids in a row.
type checkpoints struct{ made [5]int }

// insert returns the text of a file with a checkpoint before every eighth rule,
// in the phase of that rule. Rules of a chain stay together; so does a rule with the
// one before it that may skip it by number. Where acceleration leaves few rules it
// leaves as few checkpoints.
func (c *checkpoints) insert(text string) string {
	var b strings.Builder
	rules := strings.Split("\n"+text, "\nSecRule ")
	b.WriteString(strings.TrimPrefix(rules[0], "\n"))
	since := checkpointEvery
	for i, rule := range rules[1:] {
		b.WriteByte('\n')
		m := rulePhase.FindStringSubmatch(rule)
		if since++; since > checkpointEvery && m != nil && (i == 0 || !ruleBound.MatchString(rules[i])) {
			if n := c.number(int(m[1][0] - '0')); n > 0 {
				since = 1
				fmt.Fprintf(&b, "SecRule UNIQUE_ID \"@%s\" \"id:%d,phase:%s,t:none,pass,nolog\"\n", checkpointOperator, n, m[1])
			}
		}
		b.WriteString("SecRule ")
		b.WriteString(rule)
	}
	return b.String()
}

// number returns the id of the next checkpoint of a phase, 0 once there are as many as
// ids for them.
func (c *checkpoints) number(phase int) int {
	if c.made[phase] == checkpointsOfPhase {
		return 0
	}
	c.made[phase]++
	return firstCheckpoint + (phase-1)*checkpointsOfPhase + c.made[phase] - 1
}
