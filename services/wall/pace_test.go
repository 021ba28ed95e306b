package wall

import (
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// TestPace demands that the requests of now and the peak are of one measure: those of
// one minute.
func TestPace(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	add := func(count int, at time.Time) {
		for i := range count {
			e := decision(i, at, false, "192.0.2.1", "/")
			n.add(&e)
		}
	}
	now := noon
	step := func() Totals {
		s := n.state(now, dayOf(now), defaultEvery)
		now = now.Add(defaultEvery)
		return s.Totals
	}
	f := func(what string, got Totals, minute, peak uint64) {
		t.Helper()
		if got.Minute != minute || got.Peak != peak {
			t.Errorf("%s: %d a minute, peak %d; want %d and %d", what, got.Minute, got.Peak, minute, peak)
		}
	}
	add(30, noon.Add(-2*time.Hour))
	f("kept for hours on the way", step(), 0, 30)
	for range siteTicks {
		add(2, now)
		step()
	}
	f("two a step over two minutes of the clock", step(), 2*(siteTicks-1), 2*(siteTicks-1))
	f("later", step(), 2*(siteTicks-2), 2*(siteTicks-1))
	for range siteTicks {
		step()
	}
	f("long after", step(), 0, 2*(siteTicks-1))
	now = now.Add(24 * time.Hour)
	f("the next day", step(), 0, 0)
}

func TestPaceOfBefore(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	for age := range 70 {
		n.pace.seed(n.tick, time.Duration(age)*time.Second, 1)
	}
	want := uint64(57) // the step of now has begun
	for range 19 {
		if got := n.state(noon, dayOf(noon), defaultEvery).Totals.Minute; got != want {
			t.Errorf("%d in the last minute, want %d", got, want)
		}
		want -= 3
	}
}

func TestRatesOfTheFirstMinute(t *testing.T) {
	n := newTally(noon, dayOf(noon))
	for i := range 10 * siteTicks {
		for range 6 {
			d, l := decision(i, noon, false, "192.0.2.1", "/"), answered(i, "shop", 200, 0.01)
			n.add(&d)
			n.add(&l)
		}
		s := n.state(noon, dayOf(noon), defaultEvery)
		want := 2.
		if 0 < i && i < siteTicks {
			want = float64(6*(i+1)) / float64(3*i) // the first step has no length
		}
		if s.Sites[0].Rate != want || s.Upstreams[0].Rate != want {
			t.Fatalf("state %d: %v and %v requests a second, want %v", i, s.Sites[0].Rate, s.Upstreams[0].Rate, want)
		}
		if !s.Since.Equal(noon) {
			t.Fatalf("counted since %v", s.Since)
		}
	}
}

func TestOrigin(t *testing.T) {
	f := func(want string, fields ...string) {
		t.Helper()
		var e event.Event
		for i := 0; i < len(fields); i += 2 {
			e.AddText(event.Intern(fields[i]), fields[i+1])
		}
		country, city := origin(&e)
		if got := country + " " + city; got != want {
			t.Errorf("%v comes from %q, want %q", fields, got, want)
		}
	}
	f("FR Paris", "client.ip", "192.0.2.1", "client.geo.country_iso_code", "FR", "client.geo.city_name", "Paris", "source.geo.country_iso_code", "US")
	f(" ", "client.ip", "192.0.2.1", "source.geo.country_iso_code", "US", "source.geo.city_name", "Ashburn")
	f("US Ashburn", "source.geo.country_iso_code", "US", "source.geo.city_name", "Ashburn")
}
