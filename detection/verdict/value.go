package verdict

import (
	"math"
	"slices"
)

// The value model weighs the text of a leaf: sequences of one to four
// characters and of one to three tokens, looked up in one table by hash, and
// the shapes. Sums are divided by the square root of how much was summed, so
// that long text is not suspicious for its length.
const (
	tableBits = 19
	tableSize = 1 << tableBits
	charGrams = 4
	wordGrams = 3

	// window is how many bytes are judged at a time, step how far apart windows
	// begin.
	window = 160
	step   = 80
)

// charIndex is the place in the table of a sequence of n characters.
func charIndex(packed uint32, n int) uint32 {
	return (packed + uint32(n)*0x85ebca6b) * 0x9e3779b1 >> (32 - tableBits)
}

// wordIndex is the place of a sequence of tokens.
func wordIndex(h uint32) uint32 { return (h*0x9e3779b1 ^ h>>15) * 0x2c1b3c6d >> (32 - tableBits) }

// chars calls f with the index of each character sequence that ends at each
// byte of s, in the order of bytes.
func charSequences(s []byte, i int) (at [charGrams]uint32, n int) {
	packed := uint32(0)
	for n = 0; n < charGrams; n++ {
		c := byte(3) // the start of the value
		if i-n >= 0 {
			c = fold[s[i-n]]
		}
		packed = packed<<8 | uint32(c)
		at[n] = charIndex(packed, n+1)
		if i-n < 0 {
			return at, n + 1
		}
	}
	return at, n
}

// wordSequences are the indexes of the token sequences that end at token i.
func wordSequences(t []token, i int) (at [wordGrams]uint32, n int) {
	h := uint32(0x51ed270b)
	for n = 0; n < wordGrams && i-n >= 0; n++ {
		h = (h ^ t[i-n].id) * 0x01000193
		h ^= h >> 13
		at[n] = wordIndex(h + uint32(n)*0x632be5ab)
	}
	return at, n
}

// valueModel holds the weights. Weights of the table are multiples of unit, so
// that sums are exact and equal on every machine.
type valueModel struct {
	table []int8
	unit  float64
	shape [shapes][maxShape]float32 // by how often it was found, at least 1, 2, 3
	bias  float32
}

// opinion is what the value model thinks of one leaf: its margin in log-odds
// before calibration, which is that of its worst window.
type opinion struct {
	margin float32
	n      int // windows
}

// reader holds the running sums of one leaf. It is reused.
type reader struct {
	chars []int32 // sum of all bytes before
	words []int32 // sum of all tokens before

	windows []float32 // what the text of each window weighs
}

// judge weighs a leaf.
func (m *valueModel) judge(r *reader, s []byte, t []token, f *findings) opinion {
	m.sum(r, s, t)
	var best opinion
	worst := float32(math.Inf(-1))
	r.windows = r.windows[:0]
	from, to := 0, 0
	for begin := 0; ; begin += step {
		end := min(begin+window, len(s))
		for from < len(t) && int(t[from].start) < begin {
			from++
		}
		for to = max(to, from); to < len(t) && int(t[to].start) < end; {
			to++
		}
		text := float32(m.unit * (float64(r.chars[end]-r.chars[begin])/root(charGrams*(end-begin)) + float64(r.words[to]-r.words[from])/root(wordGrams*(to-from))))
		best.n++
		r.windows = append(r.windows, text)
		if text > worst {
			worst = text
		}
		if end == len(s) {
			break
		}
	}
	if best.n >= manyWindows && attackShapes(f) == 0 {
		worst -= odd(r.windows, m.bias)
	}
	best.margin = worst + m.shapes(f) + m.bias
	if best.margin > wordsMargin && attackShapes(f) == 0 && wordsAlone(s) {
		best.margin = wordsMargin + wordsSlope*(best.margin-wordsMargin)
	}
	return best
}

// A long text all of which looks odd is in a format that training has not seen.
// What an attacker adds to a text stands out from the rest of it.
const (
	manyWindows = 8
	oddWindow   = -2.0 // margin from which the middle window counts as odd
	oddShare    = 0.8
)

// odd is by how much less a long text is suspected for what its middle window
// looks like. It sorts the windows.
func odd(windows []float32, bias float32) float32 {
	slices.Sort(windows)
	return oddShare * max(0, windows[len(windows)/2]+bias-oddWindow)
}

// Words alone are suspected less the more they would be: training never takes
// them for the attack either, so their sequences speak of legitimate requests
// alone, and what they have in common with attacks is mostly chance.
const (
	wordsMargin = -2.5
	wordsSlope  = 0.7
)

// wordsAlone tells that a text holds letters, digits and what joins them in
// names, addresses and numbers.
func wordsAlone(s []byte) bool {
	for _, c := range s {
		if byteClass[c]&(classWord|classHigh) == 0 && c != ' ' && c != '-' && c != '.' && c != '/' && c != ',' && c != '+' && c != ':' {
			return false
		}
	}
	return true
}

// shapes sums the weights of what was found in a leaf.
func (m *valueModel) shapes(f *findings) float32 {
	sum := float32(0)
	for i := range f {
		for n := range f[i] {
			sum += m.shape[i][n]
		}
	}
	return sum
}

// roots holds the square roots that windows divide by.
var roots = func() (t [4*window + 1]float64) {
	for i := range t {
		t[i] = math.Sqrt(float64(max(i, 1)))
	}
	return t
}()

func root(n int) float64 {
	if n < len(roots) {
		return roots[n]
	}
	return math.Sqrt(float64(n))
}

// sum fills the running sums of a leaf.
func (m *valueModel) sum(r *reader, s []byte, t []token) {
	r.chars = append(r.chars[:0], 0)
	total := int32(0)
	for i := range s {
		at, n := charSequences(s, i)
		for _, k := range at[:n] {
			total += int32(m.table[k])
		}
		r.chars = append(r.chars, total)
	}
	r.words = append(r.words[:0], 0)
	total = 0
	for i := range t {
		at, n := wordSequences(t, i)
		for _, k := range at[:n] {
			total += int32(m.table[k])
		}
		r.words = append(r.words, total)
	}
}
