package segment

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/gatewatch/gatewatch/detection/event"
)

// appendRest appends a field as it lies in the flattened column: its name, its
// tag, and its number or text.
func appendRest(dst []byte, name string, v event.Value) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(name)))
	dst = append(dst, name...)
	tag := byte(v.Kind())
	if v.IsList() {
		tag |= tagList
	}
	var num uint64
	switch v.Kind() {
	case event.KindString:
		dst = append(dst, tag)
		dst = binary.AppendUvarint(dst, uint64(len(v.Text())))
		return append(dst, v.Text()...)
	case event.KindIP:
		a := v.Addr()
		if a.Is6() {
			b := a.As16()
			dst = append(dst, tag|tagIP6)
			return append(dst, b[:]...)
		}
		b := a.As4()
		num = uint64(binary.BigEndian.Uint32(b[:]))
	case event.KindFloat:
		num = math.Float64bits(v.Float())
	default:
		num = uint64(v.Int())
	}
	return binary.LittleEndian.AppendUint64(append(dst, tag), num)
}

// EachRest calls f for every field in a value of the flattened column, until it
// returns false. Strings point into the value.
func EachRest(value string, f func(name string, v event.Value, list bool) bool) error {
	r := reader{b: []byte(value)}
	for len(r.b) > 0 {
		name := r.take(int(r.uvarint(maxStream)))
		tag := r.byte()
		if r.bad || !validTag(tag) {
			return damaged("decode flattened fields")
		}
		var v event.Value
		switch {
		case tag&tagIP6 != 0:
			p := r.take(16)
			if r.bad {
				return damaged("decode flattened fields")
			}
			v = event.IP(netip.AddrFrom16([16]byte(p)))
		case event.Kind(tag&tagKind) == event.KindString:
			v = event.String(event.View(r.take(int(r.uvarint(maxStream)))))
		default:
			v = valueOf(tag, r.uint64(), nil)
		}
		if r.bad {
			return damaged("decode flattened fields")
		}
		if !f(event.View(name), v, tag&tagList != 0) {
			return nil
		}
	}
	return nil
}
