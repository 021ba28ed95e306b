package waf

import "time"

// ages remembers when records were written, so that the spool can tell how old the
// oldest one is that the server does not hold. It is exact to a second, or to a
// hundredth of the time over which records wait. Its zero value is ready; the
// spool's lock guards it.
type ages struct {
	marks []ageMark
	every time.Duration // between two marks
}

// ageMark stands for the records after those of the mark before up to one: none was
// written before its time.
type ageMark struct {
	sequence uint64
	at       time.Time
}

const (
	markEvery = time.Second
	maxMarks  = 256
)

// wrote notes that a record, the last one, was written.
func (a *ages) wrote(sequence uint64, now time.Time) {
	a.every = max(a.every, markEvery)
	if n := len(a.marks); n > 0 && now.Sub(a.marks[n-1].at) < a.every {
		a.marks[n-1].sequence = sequence
		return
	}
	if len(a.marks) == maxMarks { // each two become one
		for i := range maxMarks / 2 {
			a.marks[i] = ageMark{a.marks[2*i+1].sequence, a.marks[2*i].at}
		}
		a.marks, a.every = a.marks[:maxMarks/2], 2*a.every
	}
	a.marks = append(a.marks, ageMark{sequence, now})
}

// acked notes that the server holds all records up to one.
func (a *ages) acked(sequence uint64) {
	n := 0
	for n < len(a.marks) && a.marks[n].sequence <= sequence {
		n++
	}
	if a.marks = append(a.marks[:0], a.marks[n:]...); len(a.marks) == 0 {
		a.every = 0
	}
}

// oldest is the age of the oldest record that the server does not hold, 0 if there
// is none.
func (a *ages) oldest(now time.Time) time.Duration {
	if len(a.marks) == 0 {
		return 0
	}
	return max(0, now.Sub(a.marks[0].at))
}
