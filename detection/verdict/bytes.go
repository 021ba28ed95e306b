package verdict

// Classes of bytes that tokenisers ask for.
const (
	classAlpha uint8 = 1 << iota
	classDigit
	classHex
	classSpace
	classPunct
	classHigh
	classControl
	classUnder
	classWord = classAlpha | classDigit | classUnder
)

var byteClass = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			t[i] = classAlpha
		case c >= '0' && c <= '9':
			t[i] = classDigit
		case c == '_':
			t[i] = classUnder
		case c == ' ' || c >= '\t' && c <= '\r':
			t[i] = classSpace
		case c >= 0x80:
			t[i] = classHigh
		case c < ' ' || c == 0x7f:
			t[i] = classControl
		default:
			t[i] = classPunct
		}
		if unhex(c) != 0xff {
			t[i] |= classHex
		}
	}
	return t
}()

// fold maps a byte to the one that sequences are counted by: case does not
// matter, nor which digit, nor which letter of another script.
var fold = func() (t [256]byte) {
	for i := range t {
		c := byte(i)
		switch class := byteClass[i]; {
		case c >= 'A' && c <= 'Z':
			t[i] = c + 32
		case class&classDigit != 0:
			t[i] = '0'
		case class&classSpace != 0:
			t[i] = ' '
			if c == '\n' || c == '\r' {
				t[i] = '\n'
			}
		case class&classHigh != 0:
			t[i] = 0x80
		case class&classControl != 0:
			t[i] = 1
		default:
			t[i] = c
		}
	}
	t[0] = 2
	return t
}()
