package main

import "testing"

func TestProcessors(t *testing.T) {
	f := func(list string, want int) {
		t.Helper()
		if got, err := processors(list); got != want || (err == nil) != (want > 0) {
			t.Errorf("%s: %d, %v", list, got, err)
		}
	}
	f("0", 1)
	f("0,1", 2)
	f("0-1", 2)
	f("0,2-4,7", 5)
	f("", 0)
	f("1-0", 0)
	f("all", 0)
}
