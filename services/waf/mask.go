package waf

import (
	"fmt"
	"net/url"
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
	MaskStrict      Masking = "strict"      // every matched value, every query value
	MaskOff         Masking = "off"         // nothing
)

func (m Masking) validate() error {
	switch m {
	case MaskCredentials, MaskStrict, MaskOff:
		return nil
	}
	return fmt.Errorf("mask: %q is not credentials, strict or off", string(m))
}

// matched masks a value that a rule matched in a variable such as ARGS:name.
func (m Masking) matched(variable, value string) string {
	switch m {
	case MaskOff:
		return value
	case MaskStrict:
		return blot(value)
	}
	collection, key, _ := strings.Cut(variable, ":")
	switch {
	case strings.HasPrefix(collection, "REQUEST_COOKIES") && !strings.HasSuffix(collection, "_NAMES"):
		return blot(value)
	case !strings.HasSuffix(collection, "_NAMES") && isCredential(key):
		return blot(value)
	}
	return maskCards(maskText(value))
}

// query masks the values of a raw query or a form.
func (m Masking) query(raw string) string {
	if m == MaskOff || raw == "" {
		return raw
	}
	var b *strings.Builder
	done := 0
	for start := 0; start < len(raw); {
		end := start + strings.IndexAny(raw[start:]+"&", "&;")
		if eq := strings.IndexByte(raw[start:end], '='); eq >= 0 && (m == MaskStrict || isCredential(unescape(raw[start:start+eq]))) {
			if b == nil {
				b = &strings.Builder{}
			}
			b.WriteString(raw[done : start+eq+1])
			b.WriteString(blot(raw[start+eq+1 : end]))
			done = end
		}
		start = end + 1
	}
	if b != nil {
		b.WriteString(raw[done:])
		raw = b.String()
	}
	return maskCards(raw)
}

// target masks the query of a request target or of a URL such as a referrer,
// and the password of its user part.
func (m Masking) target(raw string) string {
	if m == MaskOff {
		return raw
	}
	path, query, found := strings.Cut(raw, "?")
	if scheme := strings.Index(path, "://"); scheme >= 0 {
		rest := path[scheme+3:]
		host, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			path = path[:scheme+3] + blot(rest[:at]) + rest[at:]
		}
	}
	if !found {
		return path
	}
	return path + "?" + m.query(query)
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

var (
	credentialParts = []string{
		"passw", "passphrase", "passcode", "pwd", "secret", "token", "apikey", "accesskey", "privatekey",
		"authorization", "credential", "sessionid", "sessid", "cookie", "cardnumber", "creditcard", "cvv", "cvc", "signature",
	}
	credentialNames = map[string]bool{
		"pass": true, "sid": true, "auth": true, "pin": true, "otp": true, "jwt": true, "session": true,
		"card": true, "pan": true, "psw": true, "sig": true, "ssn": true, "bearer": true,
	}
)

// isCredential tells whether a name is one under which secrets are sent. Case
// and punctuation do not count; of a dotted or bracketed name the last part is
// looked at too.
func isCredential(name string) bool {
	if name == "" || len(name) > 512 {
		return false
	}
	var buf [64]byte
	plain, last := buf[:0], 0
	for i := range len(name) {
		c := name[i] | 0x20
		switch {
		case c >= 'a' && c <= 'z' || name[i] >= '0' && name[i] <= '9':
			plain = append(plain, c)
		case i < len(name)-1:
			last = len(plain)
		}
	}
	if credentialNames[string(plain)] || credentialNames[string(plain[last:])] {
		return true
	}
	text := string(plain)
	for _, part := range credentialParts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// blot replaces text by other text of the same length and classes.
func blot(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '%' && i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]):
			b[i+1], b[i+2] = '7', '8'
			i += 2
		case c >= '0' && c <= '9':
			b[i] = '0'
		case c >= 'a' && c <= 'z', c >= 0x80:
			b[i] = 'x'
		case c >= 'A' && c <= 'Z':
			b[i] = 'X'
		}
	}
	return string(b)
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
