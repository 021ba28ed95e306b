// Package jsonscan reads JSON (RFC 8259) token by token, without allocating and
// without copying: the hot path of every JSON log. It accepts bytes that are not
// UTF-8 inside strings, because attackers send them and evidence keeps them.
package jsonscan

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 64

// Kind is the kind of a token.
type Kind uint8

// The kinds of tokens. Separators are not tokens.
const (
	End Kind = iota // after the one value
	Object
	ObjectEnd
	Array
	ArrayEnd
	Key
	String
	Number
	True
	False
	Null
)

// Token is one piece of JSON. Text is the content of a key or string without
// its quotes, escapes as written, or the digits of a number; it points into the
// input.
type Token struct {
	Kind    Kind
	Escaped bool // Text holds escapes: use Unquote
	Text    []byte
}

// SyntaxError says what is wrong and at which byte, counted from 0.
type SyntaxError struct {
	Offset int
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("read json: %s at byte %d", e.Reason, e.Offset)
}

// Scanner reads the tokens of one JSON value. The zero Scanner with Reset is
// ready; it is not safe for concurrent use.
type Scanner struct {
	data   []byte
	pos    int
	depth  int
	object uint64 // bit i: the container at depth i+1 is an object
	state  state
}

type state uint8

const (
	wantValue      state = iota // a value must follow
	wantFirstValue              // a value or ]
	wantFirstKey                // a key or }
	wantSeparator               // , or the end of the container
	done
)

// Reset starts to read data.
func (s *Scanner) Reset(data []byte) { *s = Scanner{data: data} }

// Pos returns the offset of the byte after the last token.
func (s *Scanner) Pos() int { return s.pos }

// Depth returns how many arrays and objects are open.
func (s *Scanner) Depth() int { return s.depth }

// Next returns the next token, End after the value. An error is a *SyntaxError
// and is final.
func (s *Scanner) Next() (Token, error) {
	c, ok := s.skipSpace()
	if s.state == done {
		if ok {
			return Token{}, s.fail("text after the value")
		}
		return Token{Kind: End}, nil
	}
	if !ok {
		return Token{}, s.fail("value is cut off")
	}
	switch s.state {
	case wantSeparator:
		return s.separator(c)
	case wantFirstKey:
		if c == '}' {
			return s.leave(ObjectEnd), nil
		}
		return s.key(c)
	case wantFirstValue:
		if c == ']' {
			return s.leave(ArrayEnd), nil
		}
	}
	return s.value(c)
}

// Skip reads over the rest of the value that began with t. For a key it is the
// key's value.
func (s *Scanner) Skip(t Token) error {
	switch t.Kind {
	case Key:
		n, err := s.Next()
		if err != nil {
			return err
		}
		return s.Skip(n)
	case Object, Array:
		for depth := s.depth; s.depth >= depth; {
			if _, err := s.Next(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Scanner) separator(c byte) (Token, error) {
	object := s.object>>(s.depth-1)&1 == 1
	switch {
	case c == ',':
		s.pos++
		c, ok := s.skipSpace()
		if !ok {
			return Token{}, s.fail("value is cut off")
		}
		if object {
			return s.key(c)
		}
		return s.value(c)
	case c == '}' && object:
		return s.leave(ObjectEnd), nil
	case c == ']' && !object:
		return s.leave(ArrayEnd), nil
	}
	return Token{}, s.fail("comma or end of the container is missing")
}

func (s *Scanner) key(c byte) (Token, error) {
	if c != '"' {
		return Token{}, s.fail("key is missing")
	}
	t, err := s.text()
	if err != nil {
		return t, err
	}
	t.Kind = Key
	if c, ok := s.skipSpace(); !ok || c != ':' {
		return Token{}, s.fail("colon is missing")
	}
	s.pos++
	s.state = wantValue
	return t, nil
}

func (s *Scanner) value(c byte) (Token, error) {
	switch c {
	case '{':
		return s.enter(Object, wantFirstKey, 1)
	case '[':
		return s.enter(Array, wantFirstValue, 0)
	case '"':
		t, err := s.text()
		s.valueDone()
		return t, err
	case 't':
		return s.literal("true", True)
	case 'f':
		return s.literal("false", False)
	case 'n':
		return s.literal("null", Null)
	}
	return s.number()
}

func (s *Scanner) enter(k Kind, next state, object uint64) (Token, error) {
	if s.depth == MaxDepth {
		return Token{}, s.fail("value is nested too deeply")
	}
	s.object = s.object&^(1<<s.depth) | object<<s.depth
	s.depth++
	s.pos++
	s.state = next
	return Token{Kind: k}, nil
}

func (s *Scanner) leave(k Kind) Token {
	s.pos++
	s.depth--
	s.valueDone()
	return Token{Kind: k}
}

func (s *Scanner) valueDone() {
	s.state = wantSeparator
	if s.depth == 0 {
		s.state = done
	}
}

func (s *Scanner) literal(word string, k Kind) (Token, error) {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return Token{}, s.fail("value is not JSON")
	}
	t := Token{Kind: k, Text: s.data[s.pos : s.pos+len(word)]}
	s.pos += len(word)
	s.valueDone()
	return t, nil
}

// number follows RFC 8259 section 6.
func (s *Scanner) number() (Token, error) {
	start, i := s.pos, s.pos
	digits := func() bool {
		from := i
		for i < len(s.data) && s.data[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	if i < len(s.data) && s.data[i] == '-' {
		i++
	}
	first := i
	if !digits() || s.data[first] == '0' && i > first+1 {
		return Token{}, s.fail("value is not JSON")
	}
	if i < len(s.data) && s.data[i] == '.' {
		i++
		if !digits() {
			return Token{}, s.fail("number has no digit after its point")
		}
	}
	if i < len(s.data) && s.data[i]|0x20 == 'e' {
		i++
		if i < len(s.data) && (s.data[i] == '+' || s.data[i] == '-') {
			i++
		}
		if !digits() {
			return Token{}, s.fail("number has no digit in its exponent")
		}
	}
	s.pos = i
	s.valueDone()
	return Token{Kind: Number, Text: s.data[start:i]}, nil
}

// text reads a string; s.pos is at its opening quote.
func (s *Scanner) text() (Token, error) {
	start := s.pos + 1
	i := start
	escaped := false
	for {
		i = stop(s.data, i)
		if i >= len(s.data) {
			return Token{}, s.fail("string is cut off")
		}
		switch c := s.data[i]; c {
		case '"':
			s.pos = i + 1
			return Token{Kind: String, Escaped: escaped, Text: s.data[start:i]}, nil
		case '\\':
			n := escapeLen(s.data[i:])
			if n == 0 {
				s.pos = i
				return Token{}, s.fail("escape is wrong")
			}
			escaped = true
			i += n
		default:
			s.pos = i
			return Token{}, s.fail("control character in a string")
		}
	}
}

// Plain returns how many bytes at the beginning of b a JSON string may hold as
// they are: those before a quote, backslash or control character.
func Plain(b []byte) int { return stop(b, 0) }

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stop returns the index of the first quote, backslash or control character at
// or after i, eight bytes at a time.
func stop(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		hit := (quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w
		if hit &= highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < 0x20 {
			return i
		}
	}
	return i
}

// escapeLen returns the length of the escape at the start of b, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && hex4(b[2:6]) >= 0 {
			return 6
		}
	}
	return 0
}

func (s *Scanner) skipSpace() (byte, bool) {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c, true
		}
	}
	return 0, false
}

func (s *Scanner) fail(reason string) error {
	return &SyntaxError{Offset: s.pos, Reason: reason}
}
