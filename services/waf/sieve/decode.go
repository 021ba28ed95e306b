package sieve

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// hex is the value of a hexadecimal digit, -1 for any other byte.
func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// hexAt reads n digits at an offset, -1 if they are not all there.
func hexAt(s string, at, n int) int {
	if at+n > len(s) {
		return -1
	}
	v := 0
	for _, c := range []byte(s[at : at+n]) {
		d := hex(c)
		if d < 0 {
			return -1
		}
		v = v<<4 | d
	}
	return v
}

func octal(s string, at int) bool { return at < len(s) && '0' <= s[at] && s[at] <= '7' }

// fullWidth is what jsDecode makes of a code: its lower byte, and of the full
// width forms their narrow ones.
func fullWidth(code int) byte {
	if code >= 0xff01 && code <= 0xff5e {
		return byte(code) + 0x20
	}
	return byte(code)
}

// bestFit is the byte that urlDecodeUni makes of %uXXXX, nil if that cannot be
// found out. Coraza is asked for it, whose table cannot be reached from outside.
var bestFit = sync.OnceValue(func() []byte {
	var all strings.Builder
	const digits = "0123456789abcdef"
	for code := range 1 << 16 {
		all.WriteString("%u")
		for shift := 12; shift >= 0; shift -= 4 {
			all.WriteByte(digits[code>>shift&15])
		}
	}
	learned := &learner{}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(learned).WithDirectives("SecRuleEngine On\n" +
		`SecRule REQUEST_METHOD "@` + learnOperator + `" "id:1,phase:1,pass,nolog,t:none,t:urlDecodeUni"`))
	if err != nil {
		return nil
	}
	tx := waf.NewTransaction()
	tx.ProcessURI("/", all.String(), "HTTP/1.1")
	tx.ProcessRequestHeaders()
	if tx.Close() != nil || len(learned.value) != 1<<16 {
		return nil
	}
	return []byte(learned.value)
})

const learnOperator = "gatewatchLearn"

func init() {
	plugins.RegisterOperator(learnOperator, func(o plugintypes.OperatorOptions) (plugintypes.Operator, error) {
		if l, ok := o.Root.(*learner); ok {
			return l, nil
		}
		return nil, errors.New("operator of this program alone")
	})
}

// learner is an operator that remembers its argument. It comes to the rule as the
// root of files that has none.
type learner struct{ value string }

func (l *learner) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (l *learner) Evaluate(_ plugintypes.TransactionState, value string) bool {
	l.value = value
	return false
}

func urlDecodeUni(s string) (string, bool) {
	first := strings.IndexAny(s, "%+")
	if first < 0 {
		return s, false
	}
	out := append(make([]byte, 0, len(s)), s[:first]...)
	changed := false
	for i := first; i < len(s); {
		switch c := s[i]; {
		case c == '+':
			out, changed = append(out, ' '), true
		case c == '%' && i+1 < len(s) && s[i+1]|0x20 == 'u':
			if code := hexAt(s, i+2, 4); code >= 0 {
				out, changed = append(out, bestFit()[code]), true
				i += 6
			} else {
				out = append(out, s[i:i+2]...)
				i += 2
			}
			continue
		case c == '%':
			if v := hexAt(s, i+1, 2); v >= 0 {
				out, changed = append(out, byte(v)), true
				i += 3
				continue
			}
			out = append(out, c)
		default:
			out = append(out, c)
		}
		i++
	}
	if !changed {
		return s, false
	}
	return string(out), true
}

// controls are the escapes of one letter.
func control(c byte) (byte, bool) {
	if i := strings.IndexByte("abtnvfr", c); i >= 0 {
		return "\a\b\t\n\v\f\r"[i], true
	}
	return c, false
}

func jsDecode(s string) (string, bool) {
	first := strings.IndexByte(s, '\\')
	if first < 0 {
		return s, false
	}
	out := append(make([]byte, 0, len(s)), s[:first]...)
	changed := false
	for i := first; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			i++
			continue
		}
		b, n := jsEscape(s, i)
		out, changed = append(out, b), true
		i += n
	}
	return string(out), changed
}

// jsEscape reads the escape at an offset and returns the byte it stands for and
// its length.
func jsEscape(s string, i int) (byte, int) {
	switch c := s[i+1]; {
	case c == 'u' && i+2 < len(s) && s[i+2] == '{':
		n := 0
		for n < 6 && i+3+n < len(s) && hex(s[i+3+n]) >= 0 {
			n++
		}
		if n > 0 && i+3+n < len(s) && s[i+3+n] == '}' {
			return fullWidth(hexAt(s, i+3, n)), n + 4
		}
	case c == 'u':
		if code := hexAt(s, i+2, 4); code >= 0 {
			return fullWidth(code), 6
		}
	case c == 'x':
		if v := hexAt(s, i+2, 2); v >= 0 {
			return byte(v), 4
		}
	case octal(s, i+1):
		n, v := 0, 0
		for n < 3 && octal(s, i+1+n) && v<<3|int(s[i+1+n]-'0') <= 255 {
			v = v<<3 | int(s[i+1+n]-'0')
			n++
		}
		return byte(v), n + 1
	}
	b, _ := control(s[i+1])
	return b, 2
}

func escapeSeqDecode(s string) (string, bool) {
	first := strings.IndexByte(s, '\\')
	if first < 0 {
		return s, false
	}
	out := append(make([]byte, 0, len(s)), s[:first]...)
	changed := false
	for i := first; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			i++
			continue
		}
		changed = true
		b, known := control(s[i+1])
		n := 2
		switch {
		case known:
		case s[i+1]|0x20 == 'x' && hexAt(s, i+2, 2) >= 0:
			b, n = byte(hexAt(s, i+2, 2)), 4
		case octal(s, i+1):
			v := 0
			for n = 1; n < 4 && octal(s, i+n); n++ {
				v = v<<3 | int(s[i+n]-'0')
			}
			b = byte(v)
		}
		out = append(out, b)
		i += n
	}
	return string(out), changed
}

func cssDecode(s string) (string, bool) {
	first := strings.IndexByte(s, '\\')
	if first < 0 {
		return s, false
	}
	out := append(make([]byte, 0, len(s)), s[:first]...)
	for i := first; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		n, code := 0, rune(0)
		for n < 6 && i+1+n < len(s) && hex(s[i+1+n]) >= 0 {
			code = code<<4 | rune(hex(s[i+1+n]))
			n++
		}
		switch {
		case n > 0:
			if code == 0 {
				code = utf8.RuneError
			}
			if code >= 0xff01 && code <= 0xff5e {
				code -= 0xfee0
			}
			out = utf8.AppendRune(out, code)
			if i += n; i+1 < len(s) && strings.IndexByte(" \f\n\t\r\v", s[i+1]) >= 0 {
				i++
			}
		case i+1 < len(s):
			if i++; s[i] != '\n' {
				out = append(out, s[i])
			}
		}
	}
	return string(out), true
}
