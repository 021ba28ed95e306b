package query

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Tags of the identity of a value.
const (
	idNone byte = iota
	idText
	idInt
	idFloat
	idFalse
	idTrue
	idTime
	idIPv4
	idIPv6
)

// appendIdentity appends the bytes by which groups tell values apart: by type
// and content, but a float that is an integer is one. They can be read back and
// need no separator.
func appendIdentity(dst []byte, v event.Value) []byte {
	switch v.Kind() {
	case event.KindString:
		s := v.Text()
		dst = binary.AppendUvarint(append(dst, idText), uint64(len(s)))
		return append(dst, s...)
	case event.KindInt:
		return binary.LittleEndian.AppendUint64(append(dst, idInt), uint64(v.Int()))
	case event.KindFloat:
		f := v.Float()
		if f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) {
			return binary.LittleEndian.AppendUint64(append(dst, idInt), uint64(int64(f)))
		}
		if f != f {
			f = math.NaN() // one of them
		}
		return binary.LittleEndian.AppendUint64(append(dst, idFloat), math.Float64bits(f))
	case event.KindBool:
		return append(dst, idFalse+byte(v.Int()))
	case event.KindTime:
		return binary.LittleEndian.AppendUint64(append(dst, idTime), uint64(v.Int()))
	case event.KindIP:
		a := v.Addr()
		if a.Is4() {
			b := a.As4()
			return append(append(dst, idIPv4), b[:]...)
		}
		b := a.As16()
		return append(append(dst, idIPv6), b[:]...)
	}
	return append(dst, idNone)
}

// readIdentity reads what appendIdentity appended and returns the rest. A text
// shares the memory of s.
func readIdentity(s string) (event.Value, string) {
	tag, s := s[0], s[1:]
	number := func() uint64 { return binary.LittleEndian.Uint64([]byte(s[:8])) }
	switch tag {
	case idText:
		n, size := binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
		s = s[size:]
		return event.String(s[:n]), s[n:]
	case idInt:
		return event.Int(int64(number())), s[8:]
	case idFloat:
		return event.Float(math.Float64frombits(number())), s[8:]
	case idFalse, idTrue:
		return event.Bool(tag == idTrue), s
	case idTime:
		return event.Time(int64(number())), s[8:]
	case idIPv4:
		return event.IP(netip.AddrFrom4([4]byte([]byte(s[:4])))), s[4:]
	case idIPv6:
		return event.IP(netip.AddrFrom16([16]byte([]byte(s[:16])))), s[16:]
	}
	return event.Value{}, s
}
