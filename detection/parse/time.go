package parse

import "time"

const (
	second = int64(time.Second)
	day    = 24 * 60 * 60 // seconds
)

// clock is a date and time of day as a log writes it.
type clock struct {
	year, month, day   int
	hour, minute, secs int
	nanos              int
}

// valid tells whether the parts name a moment, in years that nanoseconds in 64
// bits can express. Second 60, a leap second, is the first of the next minute.
func (c *clock) valid() bool {
	return c.year >= 1678 && c.year <= 2261 && c.month >= 1 && c.month <= 12 &&
		c.day >= 1 && c.day <= daysIn(c.year, c.month) &&
		c.hour >= 0 && c.hour <= 23 && c.minute >= 0 && c.minute <= 59 && c.secs >= 0 && c.secs <= 60
}

// at returns Unix nanoseconds of a clock that runs offset seconds before UTC.
func (c *clock) at(offset int) (int64, bool) {
	if !c.valid() {
		return 0, false
	}
	s := int64(daysSince1970(c.year, c.month, c.day))*day +
		int64(c.hour*3600+c.minute*60+c.secs-offset)
	return s*second + int64(c.nanos), true
}

// in returns Unix nanoseconds of a clock in a zone; nil is UTC.
func (c *clock) in(zone *time.Location) (int64, bool) {
	if zone == nil || zone == time.UTC {
		return c.at(0)
	}
	if !c.valid() {
		return 0, false
	}
	t := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.secs, c.nanos, zone)
	return t.UnixNano(), true
}

// yearSlack is how far a time without a year may lie after its reception. It
// covers clocks that run ahead and unknown zones.
const yearSlack = 24 * int64(time.Hour)

// inferYear returns Unix nanoseconds of a clock without a year, offset seconds
// before UTC or, if zoned is false, in the zone: the latest such moment that is
// at most a day after the reception (Unix nanoseconds). So a line of 31 December
// that arrives in January is last year's, one of 1 January that arrives before
// midnight is next year's, and 29 February is the last there was.
func (c *clock) inferYear(received int64, zone *time.Location, offset int, zoned bool) (int64, bool) {
	d := *c
	last := time.Unix(0, received).UTC().Year() + 1
	for d.year = last; d.year >= last-9; d.year-- {
		ns, ok := d.at(offset)
		if !zoned {
			ns, ok = d.in(zone)
		}
		if ok && ns <= received+yearSlack {
			return ns, true
		}
	}
	return 0, false
}

// daysSince1970 counts days of the Gregorian calendar.
func daysSince1970(y, m, d int) int {
	if m <= 2 {
		y--
		m += 12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// digits reads exactly n digits at i; false if there are none such.
func digits(s string, i, n int) (int, bool) {
	if i < 0 || len(s)-i < n {
		return 0, false
	}
	v := 0
	for _, c := range []byte(s[i : i+n]) {
		if c -= '0'; c > 9 {
			return 0, false
		}
		v = v*10 + int(c)
	}
	return v, true
}

// monthOf reads a three-letter English month, 0 if it is none.
func monthOf(s string) int {
	if len(s) < 3 {
		return 0
	}
	switch [3]byte{s[0] | 0x20, s[1] | 0x20, s[2] | 0x20} {
	case [3]byte{'j', 'a', 'n'}:
		return 1
	case [3]byte{'f', 'e', 'b'}:
		return 2
	case [3]byte{'m', 'a', 'r'}:
		return 3
	case [3]byte{'a', 'p', 'r'}:
		return 4
	case [3]byte{'m', 'a', 'y'}:
		return 5
	case [3]byte{'j', 'u', 'n'}:
		return 6
	case [3]byte{'j', 'u', 'l'}:
		return 7
	case [3]byte{'a', 'u', 'g'}:
		return 8
	case [3]byte{'s', 'e', 'p'}:
		return 9
	case [3]byte{'o', 'c', 't'}:
		return 10
	case [3]byte{'n', 'o', 'v'}:
		return 11
	case [3]byte{'d', 'e', 'c'}:
		return 12
	}
	return 0
}

// timeOfDay reads hh:mm:ss with an optional fraction after a point or comma at
// i and returns where it ends; 0 if there is none.
func (c *clock) timeOfDay(s string, i int) int {
	var a, b, d bool
	c.hour, a = digits(s, i, 2)
	c.minute, b = digits(s, i+3, 2)
	c.secs, d = digits(s, i+6, 2)
	if !a || !b || !d || s[i+2] != ':' || s[i+5] != ':' {
		return 0
	}
	i += 8
	c.nanos = 0
	if i+1 >= len(s) || s[i] != '.' && s[i] != ',' || s[i+1]-'0' > 9 {
		return i
	}
	scale := 100_000_000
	for i++; i < len(s) && s[i]-'0' <= 9; i++ {
		c.nanos += int(s[i]-'0') * scale
		scale /= 10
	}
	return i
}

// zoneAt reads Z, ±hh:mm, ±hhmm or ±hh at i. It returns seconds before UTC and
// where the zone ends, i if there is none.
func zoneAt(s string, i int) (offset, end int) {
	if i >= len(s) {
		return 0, i
	}
	sign := 1
	switch s[i] {
	case 'Z', 'z':
		return 0, i + 1
	case '-':
		sign = -1
	case '+':
	default:
		return 0, i
	}
	h, ok := digits(s, i+1, 2)
	if !ok || h > 23 {
		return 0, i
	}
	end = i + 3
	at := end
	if at < len(s) && s[at] == ':' {
		at++
	}
	m, ok := digits(s, at, 2)
	if ok && m < 60 {
		end = at + 2
	} else {
		m = 0
	}
	return sign * (h*3600 + m*60), end
}

// isoTime reads a time such as 2006-01-02T15:04:05.999+01:00 from the start of s
// and returns Unix nanoseconds and where it ends, 0 if there is none. A space
// may stand for the T; a time without a zone is in the given one.
func isoTime(s string, zone *time.Location) (ns int64, end int) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[10]|0x20 != 't' && s[10] != ' ' {
		return 0, 0
	}
	var c clock
	var a, b, d bool
	c.year, a = digits(s, 0, 4)
	c.month, b = digits(s, 5, 2)
	c.day, d = digits(s, 8, 2)
	i := c.timeOfDay(s, 11)
	if !a || !b || !d || i == 0 {
		return 0, 0
	}
	offset, end := zoneAt(s, i)
	ok := false
	if end > i {
		ns, ok = c.at(offset)
	} else {
		ns, ok = c.in(zone)
	}
	if !ok {
		return 0, 0
	}
	return ns, end
}

// nginxTime reads exactly a time such as 02/Jan/2006:15:04:05 -0700, the
// $time_local of nginx and the %t of Apache, and returns Unix nanoseconds.
func nginxTime(s string) (int64, bool) {
	if len(s) != 26 || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[20] != ' ' {
		return 0, false
	}
	var c clock
	var a, b bool
	c.day, a = digits(s, 0, 2)
	c.month = monthOf(s[3:])
	c.year, b = digits(s, 7, 4)
	if !a || !b || c.timeOfDay(s, 12) != 20 {
		return 0, false
	}
	offset, end := zoneAt(s, 21)
	if end != 26 || s[21]|0x20 == 'z' {
		return 0, false
	}
	return c.at(offset)
}

// nginxErrorTime reads a time such as 2006/01/02 15:04:05 from the start of s
// and returns Unix nanoseconds and where it ends, 0 if there is none.
func nginxErrorTime(s string, zone *time.Location) (ns int64, end int) {
	if len(s) < 19 || s[4] != '/' || s[7] != '/' || s[10] != ' ' {
		return 0, 0
	}
	var c clock
	var a, b, d bool
	c.year, a = digits(s, 0, 4)
	c.month, b = digits(s, 5, 2)
	c.day, d = digits(s, 8, 2)
	end = c.timeOfDay(s, 11)
	if !a || !b || !d || end == 0 {
		return 0, 0
	}
	ns, ok := c.in(zone)
	if !ok {
		return 0, 0
	}
	return ns, end
}

// stampTime reads the time of BSD syslog from the start of s, "Jan _2 15:04:05",
// also with a day of one digit, a year after the day, a fraction, and a zone, as
// Cisco devices write them. It returns Unix nanoseconds and where the time ends,
// 0 if there is none. A missing year follows from the context's reception.
func stampTime(s string, c *Context) (ns int64, end int) {
	var k clock
	if k.month = monthOf(s); k.month == 0 || len(s) < 14 || s[3] != ' ' {
		return 0, 0
	}
	i := 4
	if s[i] == ' ' {
		i++
	}
	n, ok := digits(s, i, 2)
	if ok {
		i += 2
	} else if n, ok = digits(s, i, 1); ok {
		i++
	}
	if !ok || i >= len(s) || s[i] != ' ' {
		return 0, 0
	}
	k.day = n
	i++
	if y, ok := digits(s, i, 4); ok && len(s) > i+4 && s[i+4] == ' ' {
		k.year = y
		i += 5
	}
	if end = k.timeOfDay(s, i); end == 0 {
		return 0, 0
	}
	offset, zoned := 0, false
	if o, n := namedZone(s, end); n > 0 {
		offset, end, zoned = o, n, true
	}
	switch {
	case k.year == 0:
		ns, ok = k.inferYear(c.Received, c.Zone, offset, zoned)
	case zoned:
		ns, ok = k.at(offset)
	default:
		ns, ok = k.in(c.Zone)
	}
	if !ok {
		return 0, 0
	}
	return ns, end
}

// namedZone reads " UTC", " GMT" or a numeric zone at i, where the word ends
// with a space, a colon or the text; the end is 0 if there is none. Other
// abbreviations have several meanings and are not taken for a zone.
func namedZone(s string, i int) (offset, end int) {
	if i < len(s) && s[i] == ' ' {
		i++
	}
	if len(s) >= i+3 && (s[i:i+3] == "UTC" || s[i:i+3] == "GMT") {
		end = i + 3
	} else if offset, end = zoneAt(s, i); end == i {
		return 0, 0
	}
	if end < len(s) && s[end] != ' ' && s[end] != ':' {
		return 0, 0
	}
	return offset, end
}
