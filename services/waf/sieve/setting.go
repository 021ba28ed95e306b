package sieve

import (
	"slices"
	"strconv"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// About a third of the rules that a request without a body meets compare a setting
// of CRS with a number. Settings are in TX and set before the rules of CRS; rules of
// others do not stand between those. Of settings that have a default, CRS sets only
// those that are not set, so that what is set does not change while its rules for a
// phase are evaluated.
var settings = []string{
	"blocking_paranoia_level", "crs_setup_version", "crs_validate_utf8_encoding", detectionLevel,
	"inbound_anomaly_score_threshold", "outbound_anomaly_score_threshold",
	"arg_length", "arg_name_length", "combined_file_sizes", "enable_default_collections", "max_file_size", "max_num_args", "total_arg_length",
}

// detectionLevel is the setting that says the rules of which level are evaluated.
const detectionLevel = "detection_paranoia_level"

// withDefault is how many of the settings, from the first, have one. CRS sets no
// other.
const withDefault = 6

// comparison is a rule that compares a setting with a number.
type comparison struct {
	rule     int // in ids
	setting  int // in settings
	count    bool
	operator string // lt, ge or eq
	bound    int
}

// mayMatch tells whether the rule may match a setting with these values.
func (c *comparison) mayMatch(values []string) bool {
	n := len(values)
	if n == 0 && c.setting < withDefault {
		return true
	}
	if !c.count {
		if n != 1 {
			return true
		}
		value, err := strconv.Atoi(values[0])
		if err != nil {
			return true
		}
		n = value
	}
	switch c.operator {
	case "lt":
		return n < c.bound
	case "ge":
		return n >= c.bound
	}
	return n == c.bound
}

// compares reads such a rule, for all others it returns false.
func (p *parsed) compares() (c comparison, ok bool) {
	if len(p.targets) != 1 || p.targets[0].variable != variables.TX || p.targets[0].except != "" || p.negated || len(p.transforms) > 0 || p.multi {
		return c, false
	}
	bound, err := strconv.Atoi(p.argument)
	if err != nil || p.operator != "lt" && p.operator != "ge" && p.operator != "eq" {
		return c, false
	}
	c = comparison{setting: slices.Index(settings, p.targets[0].key), count: p.counts, operator: p.operator, bound: bound}
	return c, c.setting >= 0
}

// compare finds the rules that may match under the settings of a transaction.
func (w *work) compare(tx plugintypes.TransactionState) {
	last, values := -1, []string(nil)
	for i := range w.phase.comparisons { // in order of the settings
		c := &w.phase.comparisons[i]
		if c.setting != last {
			last, values = c.setting, tx.Variables().TX().Get(settings[c.setting])
		}
		if c.mayMatch(values) {
			w.candidates[c.rule] = true
		}
	}
}
