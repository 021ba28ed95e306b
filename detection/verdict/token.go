package verdict

// kind of a token, common to all languages that are looked for.
type kind uint8

const (
	kWord kind = iota
	kNumber
	kHex // 0x…
	kQuote
	kPunct
	kComment // in slashes and stars
	kNewline
	kText // of another script
	kControl
)

// token is a piece of a value.
type token struct {
	kind   kind
	char   byte // of quotes, punctuation and control characters
	mixed  bool // a word in mixed case, such as SeLeCt
	spaced bool // white space stands before it
	vocab  vocab
	start  int32
	end    int32
	id     uint32 // what it counts as in sequences
}

// maxTokens bounds the tokens of one leaf.
const maxTokens = 6000

// Ids of tokens that are not words of the vocabulary.
const (
	idNumber uint32 = 0x100 + iota
	idHex
	idComment
	idNewline
	idText
	idWord1
	idWord3
	idWord8
	idWordLong
	idWordDigits
)

// lex cuts a value into tokens. Words are looked up in the vocabulary without
// regard to case.
func lex(dst []token, s []byte) []token {
	spaced := false
	for i := 0; i < len(s) && len(dst) < maxTokens; {
		c := s[i]
		class := byteClass[c]
		t := token{start: int32(i), spaced: spaced, char: c}
		spaced = false
		switch {
		case class&(classAlpha|classUnder) != 0:
			i = t.word(s, i)
		case class&classDigit != 0:
			i = t.number(s, i)
		case c == '\n':
			t.kind, t.id = kNewline, idNewline
			i++
		case class&classSpace != 0:
			spaced = true
			i++
			continue
		case class&classHigh != 0:
			t.kind, t.id = kText, idText
			for i < len(s) && byteClass[s[i]]&classHigh != 0 {
				i++
			}
		case class&classControl != 0:
			t.kind, t.id = kControl, 1
			i++
		case c == '\'' || c == '"' || c == '`':
			t.kind, t.id = kQuote, uint32(c)
			i++
		case c == '/' && i+1 < len(s) && s[i+1] == '*':
			i = t.comment(s, i)
		default:
			t.kind, t.id = kPunct, uint32(c)
			i++
		}
		t.end = int32(i)
		dst = append(dst, t)
	}
	return dst
}

// word reads a word. Two or more changes of case within one of the known words
// are no way to write.
func (t *token) word(s []byte, i int) int {
	var lower [32]byte
	begin := i
	n, changes, digits := 0, 0, false
	for i < len(s) && byteClass[s[i]]&classWord != 0 {
		c := s[i]
		if n < len(lower) {
			lower[n] = c
			if c >= 'A' && c <= 'Z' {
				lower[n] = c + 32
			}
		}
		if n > 0 && (c^s[i-1])&0x20 != 0 && byteClass[c]&byteClass[s[i-1]]&classAlpha != 0 {
			changes++
		}
		digits = digits || byteClass[c]&classDigit != 0
		n++
		i++
	}
	if n <= len(lower) {
		t.vocab = vocabulary[string(lower[:n])]
	}
	t.mixed = t.vocab != 0 && (changes >= 2 || changes == 1 && s[begin] >= 'a')
	switch {
	case t.vocab != 0:
		t.id = hashWord(lower[:n])
	case digits:
		t.id = idWordDigits
	case n == 1:
		t.id = idWord1
	case n <= 3:
		t.id = idWord3
	case n <= 8:
		t.id = idWord8
	default:
		t.id = idWordLong
	}
	return i
}

func hashWord(s []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range s {
		h = (h ^ uint32(c)) * 16777619
	}
	return h | 0x1000
}

func (t *token) number(s []byte, i int) int {
	t.kind, t.id = kNumber, idNumber
	if s[i] == '0' && i+2 < len(s) && s[i+1]|0x20 == 'x' && byteClass[s[i+2]]&classHex != 0 {
		t.kind, t.id = kHex, idHex
		for i += 2; i < len(s) && byteClass[s[i]]&classHex != 0; i++ {
		}
		return i
	}
	for i < len(s) && (byteClass[s[i]]&classDigit != 0 || s[i] == '.' && i+1 < len(s) && byteClass[s[i+1]]&classDigit != 0) {
		i++
	}
	return i
}

// comment reads a comment in slashes and stars. One that MySQL executes is
// looked into, so only its opening is a token.
func (t *token) comment(s []byte, i int) int {
	t.kind, t.id = kComment, idComment
	if i+2 < len(s) && (s[i+2] == '!' || s[i+2] == '+') {
		i += 3
		for i < len(s) && byteClass[s[i]]&classDigit != 0 {
			i++
		}
		return i
	}
	for n := i + 2; n+1 < len(s) && n < i+512; n++ {
		if s[n] == '*' && s[n+1] == '/' {
			return n + 2
		}
	}
	return i + 2
}

// is tells whether a token is a punctuation mark.
func (t *token) is(c byte) bool { return (t.kind == kPunct || t.kind == kQuote) && t.char == c }

// isWord compares a word without regard to case.
func (t *token) isWord(s []byte, lower string) bool {
	if t.kind != kWord || int(t.end-t.start) != len(lower) {
		return false
	}
	for i := range len(lower) {
		c := s[int(t.start)+i]
		if c >= 'A' && c <= 'Z' {
			c += 32
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
