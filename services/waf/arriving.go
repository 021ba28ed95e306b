package waf

import "io"

// arriving takes memory for a body as its bytes come, in steps.
type arriving struct {
	io.Reader
	take func(int64) error
	due  int64 // memory that is still to be taken
	room int64 // bytes that may come before more is taken
	err  error // of take
}

// arrivalStep is what each body under way costs at least: the buffer that it is
// copied through.
const arrivalStep = 32 << 10

func (a *arriving) Read(b []byte) (int, error) {
	if a.room == 0 && a.due > 0 {
		step := min(a.due, arrivalStep)
		if a.err = a.take(step); a.err != nil {
			return 0, a.err
		}
		a.due, a.room = a.due-step, step
	}
	if a.due > 0 && int64(len(b)) > a.room {
		b = b[:a.room]
	}
	n, err := a.Reader.Read(b)
	a.room = max(0, a.room-int64(n))
	return n, err
}
