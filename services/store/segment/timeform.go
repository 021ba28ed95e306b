package segment

import (
	"bytes"
	"strconv"
)

// Styles of a date and the time behind it.
const (
	dateISO    = 0 // 2006-01-02T15:04:05
	dateSpace  = 1 // 2006-01-02 15:04:05
	dateSlash  = 2 // 2006/01/02 15:04:05
	dateCommon = 3 // 02/Jan/2006:15:04:05, the common log format
	dateSyslog = 4 // Jan _2 15:04:05
	dateEpoch  = 5 // Unix seconds
	dateMillis = 6 // Unix milliseconds
	dateStyles = 7
)

// Styles of a zone behind the time.
const (
	zoneNone   = 0
	zoneZ      = 1 // Z
	zoneColon  = 2 // +07:00
	zonePlain  = 3 // +0700
	zoneSpaced = 4 // " +0700"
	zoneStyles = 5
)

// timeForm says how a time is written. What is finer than its last digit is cut
// off. It is comparable.
type timeForm struct {
	date   byte
	digits byte  // of the fraction: 0 to 9
	comma  bool  // before the fraction, instead of a point
	zone   byte  // style
	offset int16 // minutes east of UTC
}

const maxOffset = 14 * 60

func (f *timeForm) valid() bool {
	return f.date < dateStyles && f.digits <= 9 && f.zone < zoneStyles && -maxOffset <= f.offset && f.offset <= maxOffset &&
		(f.date < dateEpoch || f.zone == zoneNone && f.offset == 0) && (f.date != dateMillis || f.digits == 0)
}

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

var powers = [10]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// append writes Unix nanoseconds.
func (f *timeForm) append(dst []byte, ns int64) []byte {
	if f.date == dateMillis {
		return strconv.AppendInt(dst, floorTo(ns, 1e6), 10)
	}
	sec := floorTo(ns, 1e9)
	frac := ns - sec*1e9
	if f.date == dateEpoch {
		dst = strconv.AppendInt(dst, sec, 10)
		return f.appendFraction(dst, frac)
	}
	sec += int64(f.offset) * 60
	day := floorTo(sec, 86400)
	y, m, d := civil(day)
	switch f.date {
	case dateCommon:
		dst = append(appendDigits(dst, d, 2), '/')
		dst = append(append(dst, monthNames[3*m-3:3*m]...), '/')
		dst = append(appendDigits(dst, y, 4), ':')
	case dateSyslog:
		dst = append(append(dst, monthNames[3*m-3:3*m]...), ' ')
		if d < 10 {
			dst = append(dst, ' ', '0'+byte(d))
		} else {
			dst = appendDigits(dst, d, 2)
		}
		dst = append(dst, ' ')
	default:
		mark, sep := byte('-'), byte('T')
		if f.date == dateSlash {
			mark = '/'
		}
		if f.date != dateISO {
			sep = ' '
		}
		dst = append(appendDigits(dst, y, 4), mark)
		dst = append(appendDigits(dst, m, 2), mark)
		dst = append(appendDigits(dst, d, 2), sep)
	}
	clock := uint32(sec - day*86400)
	dst = append(appendDigits(dst, int64(clock/3600), 2), ':')
	dst = append(appendDigits(dst, int64(clock/60%60), 2), ':')
	return f.appendZone(f.appendFraction(appendDigits(dst, int64(clock%60), 2), frac))
}

func (f *timeForm) appendFraction(dst []byte, frac int64) []byte {
	if f.digits == 0 {
		return dst
	}
	mark := byte('.')
	if f.comma {
		mark = ','
	}
	return appendDigits(append(dst, mark), frac/powers[9-f.digits], int(f.digits))
}

func (f *timeForm) appendZone(dst []byte) []byte {
	switch f.zone {
	case zoneNone:
		return dst
	case zoneZ:
		return append(dst, 'Z')
	case zoneSpaced:
		dst = append(dst, ' ')
	}
	o, sign := int64(f.offset), byte('+')
	if o < 0 {
		o, sign = -o, '-'
	}
	dst = appendDigits(append(dst, sign), o/60, 2)
	if f.zone == zoneColon {
		dst = append(dst, ':')
	}
	return appendDigits(dst, o%60, 2)
}

// floorTo divides and rounds down.
func floorTo(n, by int64) int64 {
	q := n / by
	if n%by < 0 {
		q--
	}
	return q
}

// civil returns the date of a day counted from 1970, of the proleptic Gregorian
// calendar.
func civil(day int64) (y, m, d int64) {
	day += 719468 // from March of the year 0
	era := floorTo(day, 146097)
	doe := day - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

// findTime returns the form in which a text that begins with a time writes the
// given one, and how many bytes it takes; 0 where it does not begin with it.
func findTime(text []byte, ns int64) (timeForm, int) {
	for date := range byte(dateStyles) {
		f := timeForm{date: date}
		bare := f
		var buf [64]byte
		n := len(bare.append(buf[:0], ns))
		if n > len(text) || !f.looksLike(text[:n]) {
			continue
		}
		f.readFraction(text[n:])
		rest := text[n:]
		if f.digits > 0 {
			rest = rest[1+f.digits:]
		}
		if date < dateEpoch {
			f.readZone(rest)
			if f.zone == zoneNone && !f.guessOffset(text[:n], ns) {
				continue
			}
		}
		offsets := [...]int16{f.offset, f.offset + 1440, f.offset - 1440}
		for i, o := range offsets {
			if f.offset = o; !f.valid() || i > 0 && (f.zone != zoneNone || date >= dateEpoch) {
				continue
			}
			want := f.append(buf[:0], ns)
			if n := len(want); bytes.HasPrefix(text, want) && (n == len(text) || !isWord(text[n]) || !isWord(text[n-1])) {
				return f, n
			}
		}
	}
	return timeForm{}, 0
}

// looksLike tells cheaply whether text may be in the style of the date.
func (f *timeForm) looksLike(s []byte) bool {
	switch f.date {
	case dateISO:
		return s[4] == '-' && s[10] == 'T'
	case dateSpace:
		return s[4] == '-' && s[10] == ' '
	case dateSlash:
		return s[4] == '/' && s[10] == ' '
	case dateCommon:
		return s[2] == '/' && s[11] == ':'
	case dateSyslog:
		return s[3] == ' ' && s[9] == ':'
	}
	return s[0] <= '9'
}

func (f *timeForm) readFraction(rest []byte) {
	if f.date == dateMillis || len(rest) < 2 || rest[0] != '.' && rest[0] != ',' {
		return
	}
	f.comma = rest[0] == ','
	for f.digits < 9 && int(f.digits)+1 < len(rest) && rest[f.digits+1]-'0' <= 9 {
		f.digits++
	}
}

func (f *timeForm) readZone(rest []byte) {
	at := 0
	switch {
	case len(rest) > 0 && rest[0] == 'Z':
		f.zone = zoneZ
		return
	case len(rest) > 5 && rest[0] == ' ' && (rest[1] == '+' || rest[1] == '-') && isDigits(rest[2:6]):
		f.zone, at = zoneSpaced, 1
	case len(rest) > 5 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':' && isDigits(rest[1:3]) && isDigits(rest[4:6]):
		f.zone = zoneColon
	case len(rest) > 4 && (rest[0] == '+' || rest[0] == '-') && isDigits(rest[1:5]):
		f.zone = zonePlain
	default:
		return
	}
	minutes := at + 3
	if f.zone == zoneColon {
		minutes++
	}
	f.offset = 60*twoDigits(rest[at+1:]) + twoDigits(rest[minutes:])
	if rest[at] == '-' {
		f.offset = -f.offset
	}
}

// guessOffset finds the zone of a local time from its hour and minute, give or
// take a day.
func (f *timeForm) guessOffset(text []byte, ns int64) bool {
	clock := text[len(text)-8:]
	if !isDigits(clock[:2]) || !isDigits(clock[3:5]) {
		return false
	}
	minute := int64(twoDigits(clock))*60 + int64(twoDigits(clock[3:]))
	o := minute - floorTo(ns, 60e9)%1440
	if o < 0 {
		o += 1440
	}
	if o >= 1440 {
		o -= 1440
	}
	if o > 720 {
		o -= 1440
	}
	f.offset = int16(o)
	return o%15 == 0
}

func isDigits(s []byte) bool {
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

func twoDigits(s []byte) int16 { return int16(s[0]-'0')*10 + int16(s[1]-'0') }
