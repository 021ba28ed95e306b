package tuning

import (
	"regexp"
	"slices"
	"strings"
)

// Covers tells whether the directive of a proposal does all that another one's does, at
// the same place: it holds under the same conditions, and has all its actions. Their ids
// do not matter. Of directives that this package has not made it says whether they are
// equal.
func Covers(a, b string) bool {
	placeA, actionsA := apart(a)
	placeB, actionsB := apart(b)
	return placeA == placeB && !slices.ContainsFunc(actionsB, func(x string) bool { return !slices.Contains(actionsA, x) })
}

var anyID = regexp.MustCompile(`([",])id:[0-9]+,`)

// between stands before each action of a directive that changes a rule.
const between = ",\\\n    "

// apart is what a directive of [directive] holds under, and what it then does.
func apart(text string) (place string, actions []string) {
	all := strings.Split(text, between)
	last := len(all) - 1
	if last > 0 {
		all[last] = strings.TrimSuffix(all[last], "\"\n")
	}
	return anyID.ReplaceAllString(all[0], "${1}"), all[1:]
}
