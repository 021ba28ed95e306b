package jsonscan

// Key reads the next key of an object if it is this one, written without escapes
// and without space around it. Else it reads nothing: [Scanner.Next] tells what is
// there. The name must need no escape itself.
func (s *Scanner) Key(name string) bool {
	i := s.pos
	switch s.state {
	case wantFirstKey:
	case wantSeparator:
		if i >= len(s.data) || s.data[i] != ',' || s.object>>(s.depth-1)&1 == 0 {
			return false
		}
		i++
	default:
		return false
	}
	end := i + len(name) + 3
	if end > len(s.data) {
		return false
	}
	b := s.data[i:end]
	if b[0] != '"' || b[len(b)-2] != '"' || b[len(b)-1] != ':' || string(b[1:len(b)-2]) != name {
		return false
	}
	s.pos, s.state = end, wantValue
	return true
}

// Value is [Scanner.Next] behind a key, faster where a string without escapes
// follows.
func (s *Scanner) Value() (Token, error) {
	if start := s.pos + 1; start <= len(s.data) && s.data[start-1] == '"' && s.state == wantValue {
		if i := stop(s.data, start); i < len(s.data) && s.data[i] == '"' {
			s.pos = i + 1
			s.valueDone()
			return Token{Kind: String, Text: s.data[start:i]}, nil
		}
	}
	return s.Next()
}
