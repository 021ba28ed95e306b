package verdict

import (
	"math"
	"strconv"
	"strings"
)

// What rules of paranoia levels 2 to 4 may say of an allowed request, in log-odds.
// Each family of rules counts once: how many of its rules match tells of the size
// of a request rather than of attacks.
const (
	sternSpecific = 0.8
	sternTelling  = 0.4
	sternMost     = 1.2
	sternShown    = 8 // rules that the evidence names
)

// sternRules are the rules above paranoia level 1 that count, by how seldom they
// match what is legitimate (MODEL.md, "Sterner rules"). All others say nothing:
// those about the protocol, those that count special characters, and those that
// ordinary text, addresses and cookies trip.
var sternRules = sternWeights()

func sternWeights() map[int]float64 {
	weights := map[int]float64{}
	for weight, rules := range map[float64][]int{
		sternSpecific: {
			930121, 931131,
			932131, 932161, 932205, 932206, 932207, 932210, 932281, 932300, 932301, 932310, 932311, 932320, 932321, 932331, 932390,
			933111, 933131, 933151, 933152,
			934101, 934120, 934140,
			941101,
			942101, 942130, 942321, 942361, 942362, 942400, 942470, 942480, 942521, 942522, 942530,
			944151, 944152, 944200, 944210, 944240, 944250, 944260, 944300,
		},
		sternTelling: {
			932232, 932238, 932239,
			933153, 933161,
			934180,
			941181, 941330, 941380,
			942150, 942180, 942210, 942310, 942380, 942390, 942410, 942450, 942511,
		},
	} {
		for _, id := range rules {
			weights[id] = weight
		}
	}
	return weights
}

// WeighSterner says what rules of paranoia levels 2 to 4 that match an allowed
// request add to its verdict, of which p is the probability of an attack: at most
// 1.2 in log-odds, never less than 0, and nothing where there is nothing to suspect
// in the request. The evidence has no name; its weight is 0 if no rule counts.
// Ids that are none of such rules count nothing.
func WeighSterner(rules []int, p float64) Evidence {
	families, named := map[int]float64{}, []string{}
	for _, id := range rules {
		w := sternRules[id]
		if w == 0 {
			continue
		}
		families[id/1000] = max(families[id/1000], w)
		if len(named) < sternShown {
			named = append(named, strconv.Itoa(id))
		}
	}
	if len(named) == 0 {
		return Evidence{Detail: phraseSternNothing.say()}
	}
	sum := 0.0
	for _, id := range rules { // in an order, so that sums are the same each time
		sum += families[id/1000]
		families[id/1000] = 0
	}
	odds := logit(p)
	w := math.Min(sum, sternMost) * part((odds-nothingAtAll)/(somethingThat-nothingAtAll))
	return Evidence{Weight: w, Detail: phraseSternRules.say(strings.Join(named, ", "))}
}
