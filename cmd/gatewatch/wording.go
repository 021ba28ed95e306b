package main

import "fmt"

// count writes a number with its noun, in the singular or plural.
func count[N int | int64 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func were(n uint64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
