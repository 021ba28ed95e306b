package waf

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Masking is what the node does to values before they leave the request path.
type Masking string

// The policies. Masked text keeps its length and its classes of characters:
// digits become 0, letters x or X, an encoded byte %78, all else stays.
const (
	MaskCredentials Masking = "credentials" // values under names of credentials, and card numbers
	MaskStrict      Masking = "strict"      // every matched value, every value in a query, parameter of a path, fragment
	MaskOff         Masking = "off"         // nothing
)

func (m Masking) validate() error {
	switch m {
	case MaskCredentials, MaskStrict, MaskOff:
		return nil
	}
	return fmt.Errorf("mask: %q is not credentials, strict or off", string(m))
}

// eventMask masks what an event takes over from a request, by the policy of a
// site. Credentials are those that copies are without, see [secrets].
type eventMask struct {
	policy Masking
	secrets
	bodyType string // Content-Type of the request
}

// matched masks a value that a rule matched in a variable such as ARGS:name.
func (m eventMask) matched(variable, value string) string {
	switch m.policy {
	case MaskOff:
		return value
	case MaskStrict:
		return blot(value)
	}
	collection, key, _ := strings.Cut(variable, ":")
	names := strings.HasSuffix(collection, "_NAMES")
	switch {
	case names:
		return m.value(value)
	case strings.HasPrefix(collection, "REQUEST_COOKIES"), m.named(key):
		return blot(value)
	case collection == "REQUEST_HEADERS":
		return m.header(key, value)
	case collection == "REQUEST_URI", collection == "REQUEST_URI_RAW", collection == "REQUEST_FILENAME", collection == "REQUEST_BASENAME":
		return m.secrets.target(value)
	case collection == "QUERY_STRING":
		return m.pairs(value)
	case collection == "REQUEST_BODY":
		if !isReadableType(m.bodyType) || !isMultipart(m.bodyType, value) && !isReadable(value) {
			return blot(value)
		}
		return m.body(m.bodyType, value)
	}
	return m.value(value)
}

// target masks a request target or a URL such as a referrer.
func (m eventMask) target(raw string) string {
	if m.policy == MaskOff || raw == "" {
		return raw
	}
	masked := m.secrets.target(raw)
	if m.policy != MaskStrict {
		return masked
	}
	head, fragment, hasFragment := strings.Cut(masked, "#")
	path, query, hasQuery := strings.Cut(head, "?")
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if at := parameterAt(segment); at >= 0 {
			segments[i] = segment[:at] + blot(segment[at:])
		}
	}
	masked = strings.Join(segments, "/")
	if hasQuery {
		masked += "?" + blotValues(query)
	}
	if hasFragment {
		masked += "#" + blot(fragment)
	}
	return masked
}

// parameterAt is where the parameters of a path segment begin, -1 if it has none.
func parameterAt(segment string) int {
	at := strings.IndexByte(segment, ';')
	for _, escaped := range []string{"%3b", "%3B"} {
		if n := strings.Index(segment, escaped); n >= 0 && (at < 0 || n < at) {
			at = n + len(escaped)
		}
	}
	return at
}

// blotValues masks all values of a query.
func blotValues(raw string) string {
	parts := strings.Split(raw, "&")
	for i, part := range parts {
		if name, value, found := strings.Cut(part, "="); found {
			parts[i] = name + "=" + blot(value)
		}
	}
	return strings.Join(parts, "&")
}

// mediaType masks a Content-Type.
func (m eventMask) mediaType(value string) string {
	switch m.policy {
	case MaskOff:
		return value
	case MaskStrict:
		if at := strings.IndexAny(value, ";, "); at >= 0 {
			return value[:at] + blot(value[at:])
		}
	}
	return m.parameters(value)
}

// field masks a header.
func (m eventMask) field(name, value string) string {
	if m.policy == MaskOff {
		return value
	}
	return m.header(name, value)
}

// blot replaces text by other text of the same length and classes.
func blot(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); i++ {
		if c := b[i]; c == '%' && i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]) {
			b[i+1], b[i+2] = '7', '8'
			i += 2
			continue
		}
		b[i] = blotByte(b[i])
	}
	return string(b)
}

func blotByte(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return '0'
	case c >= 'a' && c <= 'z', c >= 0x80:
		return 'x'
	case c >= 'A' && c <= 'Z':
		return 'X'
	}
	return c
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// cut shortens text to about limit bytes and says how many it left out.
func cut(s string, limit int) string {
	if limit <= 0 || len(s) <= limit {
		return s
	}
	end := limit
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…(+" + strconv.Itoa(len(s)-end) + " bytes)"
}
