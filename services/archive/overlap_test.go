package archive

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestOverlapNote(t *testing.T) {
	archive := func(name, to string, first, last int64) *Manifest {
		return &Manifest{Name: name, Stream: "default", To: to, First: time.Unix(0, first), Last: time.Unix(0, last)}
	}
	f := func(from, to int64, want string, all ...*Manifest) {
		t.Helper()
		if got := strings.Join((&Reader{archives: all}).overlapNote(from, to), "\n"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	whole := func(want string, all ...*Manifest) {
		t.Helper()
		f(math.MinInt64, math.MaxInt64, want, all...)
	}
	a, b, c := archive("a", "x", 0, 10), archive("b", "x", 10, 20), archive("c", "x", 11, 30)
	segment, late := archive("segment", "", 5, 25), archive("late", "", 5, 25)
	whole("")
	whole("", a, c)
	whole("", segment, late)
	whole("archives overlap in time: events that are in both of a and b count twice", a, b)
	whole("archives overlap in time: events that are in both of a and segment count twice", segment, a)
	whole("archives overlap in time: events that are in both of a and b, and of 1 more, count twice", a, b, c)
	f(11, 30, "", a, b)
	f(0, 10, "", a, b)
	f(0, 11, "archives overlap in time: events that are in both of a and b count twice", a, b)
	mail := archive("mail", "x", 0, 10)
	mail.Stream = "mail"
	whole("", a, mail)
}
