package wall

import "time"

// pace counts requests a minute: those of each minute of the day, by the time that
// they have, and those that came in during the last one.
type pace struct {
	minutes map[int64]uint64 // since 1970
	ticks   [siteTicks]uint64
}

// maxBehind is how old a request may be that has just come in to count as one of now:
// an older one was kept somewhere on its way.
const maxBehind = 5 * time.Minute

// now is how many came in during the last minute.
func (p *pace) now() (n uint64) {
	for _, x := range p.ticks {
		n += x
	}
	return n
}

// peak is the most of one minute of the day, at least that of now.
func (p *pace) peak() uint64 {
	most := p.now()
	for _, n := range p.minutes {
		most = max(most, n)
	}
	return most
}

// turnOver forgets the minutes before a day.
func (p *pace) turnOver(day time.Time) {
	for m := range p.minutes {
		if m < day.Unix()/60 {
			delete(p.minutes, m)
		}
	}
}

// seed counts requests as if they had come in when they were made, in the steps
// before the one of now.
func (p *pace) seed(tick int, age time.Duration, n uint64) {
	if back := int(age / defaultEvery); age >= 0 && back < siteTicks-1 {
		p.ticks[(tick+2*siteTicks-1-back)%siteTicks] += n
	}
}
