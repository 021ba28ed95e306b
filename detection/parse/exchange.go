package parse

import (
	"bytes"
	"strings"
	"sync/atomic"

	"github.com/gatewatch/gatewatch/detection/event"
)

// exchangeColumn is what one column of an Exchange log becomes.
type exchangeColumn struct {
	name   string    // as the header has it
	key    event.Key // of a column that is a field as it is
	number bool      // whether the field is a whole number
	read   func(l *exchangeLine, value string)
}

// exchangeLine collects what columns say only together.
type exchangeLine struct {
	e *event.Event
	c *Context

	time     int64
	badTime  string
	started  int64
	request  access
	query    string
	serverIP string
	client   string
	server   string
	tooMany  bool
}

// exchangeLayout is the list of columns that a header line gives.
type exchangeLayout struct {
	header  string
	columns []exchangeColumn
}

// exchangeLog reads the records of one kind of log. The layout of the header
// that was seen last is kept, for it governs whole files; it follows from the
// header alone, so events do not depend on what came before.
type exchangeLog struct {
	known   map[string]exchangeColumn // by name in lower case
	columns string                    // those of a record without a header
	last    atomic.Pointer[exchangeLayout]
}

const maxColumns = 256

// layout returns the columns that a header line names.
func (x *exchangeLog) layout(header string) *exchangeLayout {
	if l := x.last.Load(); l != nil && l.header == header {
		return l
	}
	l := &exchangeLayout{header: strings.Clone(header)}
	names := exchangeNames(header)
	if names == "" {
		names = x.columns
	}
	for name := range strings.SplitSeq(names, ",") {
		if len(l.columns) == maxColumns {
			break
		}
		l.columns = append(l.columns, x.column(strings.TrimSpace(name)))
	}
	x.last.Store(l)
	return l
}

func (x *exchangeLog) column(name string) exchangeColumn {
	if c, ok := x.known[strings.ToLower(name)]; ok {
		return c
	}
	return exchangeColumn{name: name, key: event.Intern("exchange." + snake(name)), number: isCountColumn(name)}
}

// isCountColumn tells by the name whether a column holds whole numbers, so that
// a field has one type whatever a record has there.
func isCountColumn(name string) bool {
	switch strings.ToLower(name) {
	case "total-bytes", "recipient-count", "majorversion", "minorversion", "buildversion", "revisionversion",
		"backendstatus", "targetoutstandingrequests", "proxytime", "httpproxyoverhead", "activitycontextlifetime":
		return true
	}
	return strings.HasSuffix(name, "Latency")
}

// exchangeNames returns the list of names that a header line holds, "" if none.
func exchangeNames(header string) string {
	header = strings.TrimSpace(trimBOM(header))
	if rest, ok := strings.CutPrefix(header, "#Fields:"); ok {
		return strings.TrimSpace(rest)
	}
	if strings.HasPrefix(header, "#") {
		return ""
	}
	return header
}

// isExchangeHeader tells the lines of a file that are no records: the directives
// that stand before its records, and in HttpProxy logs the names alone.
func isExchangeHeader(line []byte) bool {
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	for _, start := range exchangeHeaders {
		if len(line) >= len(start) && strings.EqualFold(event.View(line[:len(start)]), start) {
			return true
		}
	}
	return false
}

var exchangeHeaders = [...]string{
	"#Fields:", "#Software:", "#Version:", "#Log-Type:", "#Date:", "DateTime,RequestId,", "date-time,client-ip,",
}

// read reads one record. Every column that has a value becomes a field; the
// errors are of the record as a whole, whose other columns are still there.
func (x *exchangeLog) read(raw []byte, l *exchangeLine) error {
	columns := x.layout(l.c.Header).columns
	rest, more, whole := trimBOM(event.View(raw)), true, true
	n, values := 0, 0
	for ; more; n++ {
		var value string
		var ok bool
		value, rest, more, ok = csvField(rest, l.e)
		whole = whole && ok
		if value == "" || n >= len(columns) {
			continue
		}
		values++
		if c := &columns[n]; c.read != nil {
			c.read(l, value)
		} else {
			c.add(l.e, value)
		}
	}
	l.e.Time = l.time
	switch {
	case l.badTime != "":
		return &Error{Reason: "bad time", Detail: l.badTime[:min(len(l.badTime), 64)]}
	case l.time == 0:
		return &Error{Reason: "no match", Detail: "no time in the record"}
	case !whole:
		return &Error{Reason: "open quote", Detail: "the last column ends with the record"}
	case n > len(columns):
		return &Error{Reason: "too many columns", Detail: "those beyond the header are in event.original alone"}
	case l.tooMany:
		return &Error{Reason: "too many recipients", Detail: "some are in event.original alone"}
	}
	return nil
}

// add adds the value of a column that is a field as it is.
func (c *exchangeColumn) add(e *event.Event, value string) {
	if c.number && isDigits(value, 0) && len(value) <= 18 {
		addNumber(e, c.key, value)
		return
	}
	e.AddTyped(c.key, value)
}

// setServer adds the address of the other server.
func (l *exchangeLine) setServer() {
	if a, ok := event.ParseIP(l.serverIP); ok {
		l.e.AddAddr(event.DestinationIP, a)
		l.relate(l.serverIP)
		return
	}
	l.e.AddText(event.DestinationAddr, l.serverIP)
}

// relate adds an address to related.ip once.
func (l *exchangeLine) relate(s string) {
	a, ok := event.ParseIP(s)
	if !ok {
		return
	}
	for v := range l.e.Values(event.RelatedIP) {
		if v.Addr() == a {
			return
		}
	}
	l.e.AddAddr(event.RelatedIP, a)
}

func (l *exchangeLine) readTime(value string) {
	ns, end := isoTime(value, nil)
	if end != len(value) {
		l.badTime = value
		return
	}
	l.time = ns
}

// snake turns a name of a column into one of a field: ServerHostName and
// transport-traffic-type become server_host_name and transport_traffic_type.
func snake(name string) string {
	var out []byte
	for i := 0; i < len(name) && len(out) < 64; i++ {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			afterLower := i > 0 && (name[i-1] >= 'a' && name[i-1] <= 'z' || name[i-1]-'0' <= 9)
			beforeLower := i > 0 && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z' && name[i-1] >= 'A' && name[i-1] <= 'Z'
			if afterLower || beforeLower {
				out = append(out, '_')
			}
			out = append(out, c|0x20)
		case c >= 'a' && c <= 'z', c-'0' <= 9:
			out = append(out, c)
		default:
			out = append(out, '_')
		}
	}
	if len(out) == 0 {
		return "unnamed"
	}
	return string(out)
}
