package ingest

import "bytes"

// maxOctets is the largest octet count that is believed; a larger one is taken
// for the beginning of a line.
const maxOctets = 16 << 20

// syslogFrames splits a TCP stream into syslog messages by octet counting or by
// lines (RFC 6587 sections 3.4.1 and 3.4.2), message by message. A message over
// the limit is cut and the rest of it skipped, without more memory.
//
// A count is one only if it has no leading zero and is followed by " <", and if
// the connection has sent no line yet: a line break that somebody smuggled into
// a message could otherwise hide what follows behind a count.
type syslogFrames struct {
	max        int
	lines      bool  // the connection has sent a line that is not empty
	skipOctets int64 // of a message that was cut
	skipLine   bool
	cut        int64 // bytes that were cut off since cutOff was called
}

// next takes one message, or a part that is skipped, off the front of data. used
// is the number of bytes that are done with, 0 if more data are needed; message
// is nil if they held none. At the end of the stream the rest is a message.
func (f *syslogFrames) next(data []byte, end bool) (message []byte, used int) {
	switch {
	case len(data) == 0:
		return nil, 0
	case f.skipOctets > 0:
		n := int(min(int64(len(data)), f.skipOctets))
		f.skipOctets -= int64(n)
		f.cut += int64(n)
		return nil, n
	case f.skipLine:
		return nil, f.skip(data)
	}
	if f.lines {
		return f.line(data, end)
	}
	count, digits, more := octetCount(data)
	if more && !end {
		return nil, 0
	}
	if count > 0 && count <= maxOctets {
		return f.counted(data, count, digits+1, end)
	}
	return f.line(data, end)
}

// counted takes a message of count bytes that begins at from.
func (f *syslogFrames) counted(data []byte, count, from int, end bool) ([]byte, int) {
	size := min(count, f.max)
	if len(data) < from+size {
		if !end {
			return nil, 0
		}
		return data[from:], len(data)
	}
	message := data[from : from+size]
	f.skipOctets = int64(count - size)
	if count == size {
		message = bytes.TrimSuffix(bytes.TrimSuffix(message, []byte("\n")), []byte("\r"))
	}
	return message, from + size
}

// line takes a message that ends with LF or CRLF.
func (f *syslogFrames) line(data []byte, end bool) ([]byte, int) {
	i := bytes.IndexByte(data, '\n')
	size := i + 1
	if i < 0 {
		if !end && len(data) <= f.max+1 { // one more than the limit may be the CR
			return nil, 0
		}
		i, size = len(data), len(data)
		f.skipLine = !end
	}
	message := bytes.TrimSuffix(data[:i], []byte("\r"))
	f.lines = f.lines || len(message) > 0 // counted messages may have a line break between them
	if len(message) > f.max {
		f.cut += int64(i - f.max)
		message = message[:f.max]
	}
	return message, size
}

// skip counts the rest of a line that was cut.
func (f *syslogFrames) skip(data []byte) int {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		f.cut += int64(len(data))
		return len(data)
	}
	f.cut += int64(i)
	f.skipLine = false
	return i + 1
}

// cutting tells whether the message that was returned last is cut, whose rest
// may still come.
func (f *syslogFrames) cutting() bool { return f.skipLine || f.skipOctets > 0 || f.cut > 0 }

// cutOff returns how many bytes were cut off since the last call.
func (f *syslogFrames) cutOff() int64 {
	n := f.cut
	f.cut = 0
	return n
}

// octetCount reads a count without leading zeros that is followed by " <". It
// returns 0 if there is none; more means that it takes more data to tell.
func octetCount(data []byte) (count, digits int, more bool) {
	const maxDigits = 10
	for digits < len(data) && digits <= maxDigits && '0' <= data[digits] && data[digits] <= '9' {
		count = count*10 + int(data[digits]-'0')
		digits++
	}
	switch rest := data[digits:]; {
	case digits > maxDigits || digits > 0 && data[0] == '0':
		return 0, 0, false
	case digits == 0:
		return 0, 0, false
	case len(rest) == 0 || len(rest) == 1 && rest[0] == ' ':
		return 0, 0, true
	case rest[0] != ' ' || rest[1] != '<':
		return 0, 0, false
	}
	return count, digits, false
}
