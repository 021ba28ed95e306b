package main

import (
	"math/rand/v2"
	"strconv"
)

// prose makes messages as people and programs write them: words of a vocabulary,
// few of them often, with numbers between. No other field of an event tells one.
type prose struct {
	r     *rand.Rand
	words []string
	any   *rand.Zipf
}

// Messages have between leastWords and mostWords words of a vocabulary.
const (
	vocabulary = 20_000
	leastWords = 8
	mostWords  = 60
)

var syllables = []string{
	"an", "be", "ca", "con", "de", "der", "el", "en", "er", "fa", "ge", "in", "ing", "ion", "la", "le", "lo", "ma", "men", "mi",
	"na", "ne", "no", "on", "or", "pa", "per", "pre", "ra", "re", "ri", "sa", "se", "si", "sta", "ta", "te", "ter", "ti", "to", "tra", "un", "ver", "vi",
}

func newProse(seed uint64) *prose {
	r := rand.New(rand.NewPCG(seed, 12))
	p := &prose{r: r, any: rand.NewZipf(r, 1.15, 6, vocabulary-1)}
	seen := map[string]bool{}
	for len(p.words) < vocabulary {
		word := ""
		for range 1 + r.IntN(4) {
			word += syllables[r.IntN(len(syllables))]
		}
		if !seen[word] {
			seen[word] = true
			p.words = append(p.words, word)
		}
	}
	return p
}

// append appends a message. It needs no escape in JSON.
func (p *prose) append(b []byte) []byte {
	for i := range leastWords + p.r.IntN(mostWords-leastWords+1) {
		switch {
		case i == 0:
		case p.r.IntN(12) == 0:
			b = append(b, ", "...)
		default:
			b = append(b, ' ')
		}
		if p.r.IntN(15) == 0 {
			b = strconv.AppendInt(b, p.r.Int64N(1<<(1+p.r.IntN(24))), 10)
			continue
		}
		b = append(b, p.words[p.any.Uint64()]...)
	}
	return append(b, '.')
}
