package waf

import (
	"testing"
	"time"
)

func TestOccasional(t *testing.T) {
	var o occasional
	at := time.Unix(1000, 0)
	f := func(after time.Duration, want bool) {
		t.Helper()
		at = at.Add(after)
		if got := o.due(at); got != want {
			t.Errorf("after %s: %t", after, got)
		}
	}
	f(0, true)
	f(0, false)
	f(occasionalInterval-1, false)
	f(1, true)
	f(time.Hour, true)
	f(1, false)
}
