package event

import (
	"encoding/base64"
	"math"
	"unicode/utf8"
)

// AppendJSON appends the event as one flat JSON object with dotted names,
// members first, lists as arrays. Bytes that are not UTF-8 are written as
// U+FFFD; where event.original has such bytes, gatewatch.original_base64 holds
// it exactly.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	first := true
	name := func(k Key) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = AppendQuoted(dst, k.String())
		dst = append(dst, ':')
	}
	for _, k := range memberKeys {
		if v, _ := e.member(k); v.kind != KindNone {
			name(k)
			dst = v.AppendJSON(dst)
		}
	}
	var seen keySet
	for i := range e.fields {
		f := &e.fields[i]
		if e.seenBefore(&seen, i) {
			continue
		}
		name(f.Key)
		dst = e.appendValues(dst, i)
	}
	if !utf8.Valid(e.Raw) {
		name(GatewatchOriginal64)
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, e.Raw)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// keySet holds the ids of keys below its size.
type keySet [16]uint64

// seenBefore tells whether an earlier field has the key of field i.
func (e *Event) seenBefore(seen *keySet, i int) bool {
	k := e.fields[i].Key
	if id := uint(k.ID()); id < uint(len(seen)*64) {
		old := seen[id/64]>>(id%64)&1 == 1
		seen[id/64] |= 1 << (id % 64)
		return old
	}
	for j := range e.fields[:i] {
		if e.fields[j].Key.Is(k) {
			return true
		}
	}
	return false
}

// appendValues appends the values of the key of field i, which is its first.
func (e *Event) appendValues(dst []byte, i int) []byte {
	k, v := e.fields[i].Key, e.fields[i].Value
	more := false
	for _, f := range e.fields[i+1:] {
		if f.Key.Is(k) {
			more = true
			break
		}
	}
	if !more && !v.IsList() {
		return v.AppendJSON(dst)
	}
	dst = append(dst, '[')
	dst = v.AppendJSON(dst)
	for _, f := range e.fields[i+1:] {
		if f.Key.Is(k) {
			dst = append(dst, ',')
			dst = f.Value.AppendJSON(dst)
		}
	}
	return append(dst, ']')
}

// AppendJSON appends one value as JSON: numbers and booleans as such, all else
// as a string. What JSON cannot express (NaN, no value) is null.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case KindString:
		return AppendQuoted(dst, v.str)
	case KindFloat:
		if f := v.Float(); math.IsInf(f, 0) || math.IsNaN(f) {
			return append(dst, "null"...)
		}
		return v.AppendText(dst)
	case KindInt, KindBool:
		return v.AppendText(dst)
	case KindTime, KindIP:
		dst = append(dst, '"')
		dst = v.AppendText(dst)
		return append(dst, '"')
	}
	return append(dst, "null"...)
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends text as a JSON string. Control characters, and U+2028
// and U+2029 for the sake of scripts, are escaped; bytes that are not UTF-8
// become U+FFFD.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || n != 1) && r != '\u2028' && r != '\u2029' {
				i += n
				continue
			}
			dst = append(dst, s[start:i]...)
			if r == utf8.RuneError {
				dst = append(dst, "\ufffd"...)
			} else {
				dst = append(dst, `\u202`...)
				dst = append(dst, hexDigits[r&15])
			}
			i += n
			start = i
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
