package verdict

import (
	"math"
	"strings"
	"testing"
)

func TestWeighSterner(t *testing.T) {
	cases := 0
	f := func(p, want float64, detail string, rules ...int) {
		t.Helper()
		cases++
		e := WeighSterner(rules, p)
		if math.Abs(e.Weight-want) > 1e-9 || !strings.Contains(e.Detail, detail) {
			t.Errorf("%v at %v: %+v, want %v", rules, p, e, want)
		}
	}
	f(.5, 0, "no rule")
	f(.5, .8, "934120", 934120)
	f(.5, .4, "942150", 942150)
	f(.5, .4, "942150, 942210", 942150, 942210) // of one family
	f(.5, .8, "", 942101, 942150)
	f(.5, 1.2, "", 934120, 942150)
	f(.5, 1.2, "", 932161, 933151, 934120, 941101, 942101, 944151)
	// Of the protocol, of special characters, and what text and addresses trip.
	f(.999, 0, "no rule", 920272, 920273, 921180, 931130, 932200, 942420, 942421, 942430, 942431, 942432, 942440, 942460, 942490, 0, -1, 942100)
	// Where there is little to suspect, company proves nothing.
	f(sigmoid(-5), .4, "", 934120)
	f(sigmoid(-7), 0, "934120", 934120)
	f(0, 0, "", 934120)
	f(1, .8, "", 934120)
	if cases == 0 {
		t.Fatal("no cases")
	}
	many := WeighSterner([]int{932161, 932205, 932206, 932207, 932210, 932281, 932300, 932301, 932310, 932311}, .5)
	if n := strings.Count(many.Detail, "932"); n != sternShown {
		t.Errorf("%d rules are named", n)
	}
}
