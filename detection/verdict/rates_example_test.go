package verdict_test

import (
	"fmt"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// 200 of 2,000 blocked requests were drawn and looked at; 30 were legitimate.
// None of the allowed ones was.
func ExampleRates() {
	var rates verdict.Rates
	for i := range 2000 {
		d := verdict.Decided{Blocked: true, PAttack: 0.8}
		if i < 200 {
			d.Truth, d.Probability = verdict.Attack, 0.1
		}
		if i < 30 {
			d.Truth = verdict.Legitimate
		}
		for _, d := range []verdict.Decided{d, {PAttack: 0.01}} {
			if err := rates.Add("shop.example", d); err != nil {
				fmt.Println(err)
			}
		}
	}
	for _, e := range rates.Estimates("shop.example") {
		if e.Enough {
			fmt.Printf("%s %.2f (%.1f to %.1f)\n", e.Rate, e.Value, e.Low, e.High)
		} else {
			fmt.Println(e.Rate, "not enough labels")
		}
	}
	// Output:
	// false_positive not enough labels
	// missed not enough labels
	// false_block_share 0.15 (0.1 to 0.2)
}
