package sieve

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/corazawaf/libinjection-go"
)

// matcher is an operator with its argument. It may leave open whether a value
// matches.
type matcher interface {
	match(s string) (matches, known bool)
}

// newMatcher returns nil for an operator that is not known here. data reads a
// file of words.
func newMatcher(operator, argument string, data func(name string) ([]byte, error)) matcher {
	switch operator {
	case "rx":
		return newExpression(argument)
	case "pm":
		return newWords(strings.Split(strings.ToLower(argument), " "))
	case "pmFromFile", "pmf":
		if strings.Contains(argument, " ") {
			return nil
		}
		text, err := data(argument)
		if err != nil {
			return nil
		}
		return newWords(wordLines(string(text)))
	case "detectSQLi":
		return sqli{}
	case "detectXSS":
		return xss{}
	case "validateByteRange":
		if v := newByteRange(argument); v != nil {
			return v
		}
	}
	return nil
}

// expression is @rx. It is compiled when it is first needed, since few are at the
// lower paranoia levels. One that cannot be compiled is never known to match or not.
type expression struct {
	dfa func() *dfa
}

// newExpression reads an expression as Coraza does: one that names bytes which are
// no text is matched by byte.
func newExpression(expr string) *expression {
	bytes := namesBytes(expr)
	if !bytes {
		expr = "(?sm)" + expr
	}
	return &expression{dfa: sync.OnceValue(func() *dfa {
		d, err := newDFA(expr, bytes)
		if err != nil {
			return nil
		}
		return d
	})}
}

func (e *expression) match(s string) (matches, known bool) {
	if d := e.dfa(); d != nil {
		return d.match(s)
	}
	return false, false
}

// namesBytes tells whether the escapes of bytes in an expression are not UTF-8
// when they stand side by side, as Coraza looks at them.
func namesBytes(expr string) bool {
	decoded := make([]byte, 0, len(expr))
	for i := 0; i < len(expr); i++ {
		if expr[i] == '\\' && i+3 >= len(expr) {
			decoded = append(decoded, expr[i:]...)
			break
		}
		v, n := -1, 4
		if expr[i] == '\\' && expr[i+1] == 'x' {
			if v = hexAt(expr, i+2, 2); expr[i+2] == '{' && i+6 <= len(expr) {
				n = strings.IndexByte(expr[i:], '}') + 1
				v = hexAt(expr, i+3, 2)
			}
		}
		if v < 0 || n == 0 {
			decoded = append(decoded, expr[i])
			continue
		}
		decoded = append(decoded, byte(v))
		i += n - 1
	}
	return !utf8.Valid(decoded)
}

// sqli is @detectSQLi.
type sqli struct{}

func (sqli) match(s string) (matches, known bool) {
	found, _ := libinjection.IsSQLi(s)
	return found, true
}

// xss is @detectXSS.
type xss struct{}

func (xss) match(s string) (matches, known bool) { return libinjection.IsXSS(s), true }

// byteRange is @validateByteRange, which matches values with any other byte.
type byteRange struct{ valid [256]bool }

func newByteRange(argument string) *byteRange {
	if argument == "" {
		return nil
	}
	v := &byteRange{}
	for _, part := range strings.Split(argument, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		lo, err := strconv.ParseUint(first, 10, 8)
		if err != nil {
			return nil
		}
		hi, err := strconv.ParseUint(last, 10, 8)
		if err != nil {
			return nil
		}
		for b := lo; b <= hi; b++ {
			v.valid[b] = true
		}
	}
	return v
}

func (v *byteRange) match(s string) (matches, known bool) {
	for i := 0; i < len(s); i++ {
		if !v.valid[s[i]] {
			return true, true
		}
	}
	return false, true
}
