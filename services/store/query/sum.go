package query

import (
	"math"
	"math/bits"

	"github.com/gatewatch/gatewatch/detection/event"
)

// sum adds integers exactly in 128 bits, and floats with the error of each
// addition carried along (Neumaier).
type sum struct {
	high          int64
	low           uint64
	total, carry  float64
	count, floats int64
}

// add adds a value n times; what is no number is left out.
func (s *sum) add(v event.Value, n int64) {
	whole, f, isInt, ok := numberOf(v)
	if !ok {
		return
	}
	s.count += n
	if !isInt {
		s.floats += n
		s.addFloat(f * float64(n))
		return
	}
	high, low := bits.Mul64(uint64(whole), uint64(n))
	if whole < 0 {
		high -= uint64(n) // two's complement: the factor was whole + 2^64
	}
	s.addInt(int64(high), low)
}

func (s *sum) addInt(high int64, low uint64) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, low, 0)
	s.high += high + int64(carry)
}

func (s *sum) addFloat(f float64) {
	t := s.total + f
	if math.Abs(s.total) >= math.Abs(f) {
		s.carry += (s.total - t) + f
	} else {
		s.carry += (f - t) + s.total
	}
	s.total = t
}

func (s *sum) merge(o *sum) {
	s.addInt(o.high, o.low)
	s.addFloat(o.total)
	s.carry += o.carry
	s.count += o.count
	s.floats += o.floats
}

// float returns the sum as a float.
func (s *sum) float() float64 {
	whole := math.Ldexp(float64(s.high), 64) + float64(s.low)
	if s.high == int64(s.low)>>63 {
		whole = float64(int64(s.low))
	}
	f := s.total + s.carry
	if f != f && s.total == s.total {
		f = s.total // the carry of an infinite sum
	}
	return f + whole
}

// value returns the sum, an integer where all are and it fits.
func (s *sum) value() event.Value {
	switch {
	case s.count == 0:
		return event.Value{}
	case s.floats == 0 && s.high == int64(s.low)>>63:
		return event.Int(int64(s.low))
	}
	return event.Float(s.float())
}

func (s *sum) average() event.Value {
	if s.count == 0 {
		return event.Value{}
	}
	return event.Float(s.float() / float64(s.count))
}
