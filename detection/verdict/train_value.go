package verdict

import (
	"hash/maphash"
	"math"
	"math/rand/v2"
)

// Example is a labelled request with the decision about it.
type Example struct {
	Input

	Attack bool
	Source string
	Class  string
	Fold   int // examples of one fold are held out together
}

// piece is one window of a leaf, held once however often it occurs.
type piece struct {
	at    []uint32 // indexes into the table
	chars int      // how many of at are of characters, the rest are of tokens
	found findings
	hits  int  // shapes of attack languages
	mute  bool // words alone, of which none can be the attack
}

// corpus is what the windows of all examples hold. Value models of several folds
// learn from one corpus, which is only read then.
type corpus struct {
	pieces []piece
	known  map[uint64]int32
	uses   []use // one for each example
	seed   maphash.Seed
	part   anatomy
	finder finder
	tokens []token
}

// use are the pieces of one example. Of an attack those are left out that cannot
// be what is bad about it.
type use struct {
	pieces []int32
	share  float32 // of the weight of a legitimate example, for each piece
}

// bag is one attack of the training data: at least one of its pieces is bad.
type bag struct {
	pieces []int32
	weight float32
}

// valueTrainer fits a value model to some examples of a corpus.
type valueTrainer struct {
	*corpus
	benign []float32 // weight of each piece as part of legitimate requests
	bags   []bag

	weights []float32
	squares []float32
	shape   [shapes * maxShape]float32
	shapeSq [shapes * maxShape]float32
	bias    float32
	biasSq  float32
}

// sourceWeights gives each source and label a say that is a power of its number
// of requests: 0 as much for each source, 1 as much for each request.
func sourceWeights(examples []*Example, power float64) func(*Example) float32 {
	type key struct {
		source string
		attack bool
	}
	n := map[key]int{}
	for _, e := range examples {
		n[key{e.Source, e.Attack}]++
	}
	// In the order of the examples: sums of floats depend on theirs.
	total := map[bool]float64{}
	seen := map[key]bool{}
	for _, e := range examples {
		if k := (key{e.Source, e.Attack}); !seen[k] {
			seen[k] = true
			total[k.attack] += math.Pow(float64(n[k]), power)
		}
	}
	return func(e *Example) float32 {
		return float32(math.Pow(float64(n[key{e.Source, e.Attack}]), power-1) / total[e.Attack])
	}
}

// newCorpus takes all examples apart.
func newCorpus(examples []*Example) *corpus {
	c := &corpus{known: map[uint64]int32{}, seed: maphash.MakeSeed()}
	for _, e := range examples {
		c.uses = append(c.uses, c.collect(e))
	}
	c.known = nil
	return c
}

// collect adds the windows of one example.
func (c *corpus) collect(e *Example) use {
	c.part.dissect(&e.Input)
	var u use
	n := 0
	for i := range c.part.leaves {
		n += 1 + len(c.part.leaves[i].value)/step
	}
	u.share = float32(math.Sqrt(1 / float64(max(n, 1))))
	for i := range c.part.leaves {
		l := &c.part.leaves[i]
		c.tokens = lex(c.tokens[:0], l.value)
		c.finder.site = []byte(e.Request.Site)
		c.finder.find(l, c.tokens)
		for begin := 0; begin < len(l.value); begin += step {
			end := min(begin+window, len(l.value))
			if k := c.piece(l.value, begin, end); !e.Attack || !l.place.wrapper() || c.pieces[k].hits > 0 {
				u.pieces = append(u.pieces, k)
			}
			if end == len(l.value) {
				break
			}
		}
	}
	return u
}

// piece returns the number of a window, which it makes if it is new.
func (c *corpus) piece(s []byte, begin, end int) int32 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	h.Write(s[begin:end])
	h.Write(c.finder.found[:])
	sum := h.Sum64()
	if k, ok := c.known[sum]; ok {
		return k
	}
	p := piece{found: c.finder.found}
	for i := begin; i < end; i++ {
		at, n := charSequences(s, i)
		p.at = append(p.at, at[:n]...)
	}
	p.chars = len(p.at)
	for i := range c.tokens {
		if int(c.tokens[i].start) >= begin && int(c.tokens[i].start) < end {
			at, n := wordSequences(c.tokens, i)
			p.at = append(p.at, at[:n]...)
		}
	}
	for i, n := range p.found {
		if shapeTable[i].language != langBenign {
			p.hits += int(n)
		}
	}
	p.mute = p.hits == 0 && wordsAlone(s[begin:end])
	k := int32(len(c.pieces))
	c.pieces = append(c.pieces, p)
	c.known[sum] = k
	return k
}

// fit trains a value model on those examples that are picked. The same examples
// and seed give the same model. It may be called by any number of goroutines.
func (c *corpus) fit(examples []*Example, pick func(*Example) bool, seed uint64) *valueModel {
	t := &valueTrainer{corpus: c, benign: make([]float32, len(c.pieces)), weights: make([]float32, tableSize), squares: make([]float32, tableSize)}
	var some []*Example
	for _, e := range examples {
		if pick(e) {
			some = append(some, e)
		}
	}
	weight := sourceWeights(some, learningSay)
	const scale = 40000 // so that an average window has a weight of about one
	for i, e := range examples {
		if pick(e) {
			t.take(&c.uses[i], e.Attack, weight(e)*scale)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for round := range 3 {
		t.epoch(rng, t.choose(round), 0.12)
	}
	t.epoch(rng, t.choose(3), 0.05)
	return t.model()
}

// take adds one example to what is learned.
func (t *valueTrainer) take(u *use, attack bool, weight float32) {
	switch {
	case !attack:
		for _, k := range u.pieces {
			t.benign[k] += weight * u.share
		}
	case len(u.pieces) > 0:
		t.bags = append(t.bags, bag{u.pieces, weight})
	}
}

// sample is one piece with its label in one epoch.
type sample struct {
	piece  int32
	attack bool
	weight float32
}

// choose picks the piece of each attack that looks worst, in the first round by
// its shapes alone. Pieces that legitimate requests hold too are never bad.
func (t *valueTrainer) choose(round int) []sample {
	var out []sample
	for i := range t.pieces {
		if w := t.benign[i]; w > 0 {
			out = append(out, sample{int32(i), false, min(w, 20)})
		}
	}
	for _, b := range t.bags {
		best, score := int32(-1), float32(math.Inf(-1))
		for _, k := range b.pieces {
			p := &t.pieces[k]
			if t.benign[k] > 0 || p.mute {
				continue
			}
			s := float32(p.hits)
			if round > 0 {
				s = t.margin(p)
			}
			if s > score {
				best, score = k, s
			}
		}
		if best >= 0 && !(round == 0 && score == 0 && len(b.pieces) > 6) {
			w := min(b.weight, 20)
			if round > 1 { // what still looks harmless is perhaps mislabelled
				w *= 0.25 + 0.75*sigmoid32(score+1.5)
			}
			out = append(out, sample{best, true, w})
		}
	}
	return out
}

func (p *piece) scales() (chars, words float32) {
	n := max(p.chars, 1)
	m := max(len(p.at)-p.chars, 1)
	return float32(1 / math.Sqrt(float64(n))), float32(1 / math.Sqrt(float64(m)))
}

func (t *valueTrainer) margin(p *piece) float32 {
	chars, words := p.scales()
	var a, b float32
	for _, k := range p.at[:p.chars] {
		a += t.weights[k]
	}
	for _, k := range p.at[p.chars:] {
		b += t.weights[k]
	}
	sum := t.bias + a*chars + b*words
	for i, n := range p.found {
		for j := range int(n) {
			sum += t.shape[i*maxShape+j]
		}
	}
	return sum
}

// epoch goes once over the samples in random order.
func (t *valueTrainer) epoch(rng *rand.Rand, samples []sample, rate float32) {
	rng.Shuffle(len(samples), func(i, j int) { samples[i], samples[j] = samples[j], samples[i] })
	for _, s := range samples {
		p := &t.pieces[s.piece]
		y := float32(0)
		if s.attack {
			y = 1
		}
		g := (sigmoid32(t.margin(p)) - y) * s.weight
		if g < 1e-4 && g > -1e-4 {
			continue
		}
		t.update(p, g, rate)
	}
}

// update takes one step of AdaGrad with a little decay.
func (t *valueTrainer) update(p *piece, g, rate float32) {
	const decay = 3e-4
	adjust := func(w, sq *float32, g float32) {
		g += decay * *w
		*sq += g * g
		*w -= rate * g / float32(math.Sqrt(float64(*sq)+1e-3))
	}
	chars, words := p.scales()
	for _, k := range p.at[:p.chars] {
		adjust(&t.weights[k], &t.squares[k], g*chars)
	}
	for _, k := range p.at[p.chars:] {
		adjust(&t.weights[k], &t.squares[k], g*words)
	}
	for i, n := range p.found {
		for j := range int(n) {
			k := i*maxShape + j
			adjust(&t.shape[k], &t.shapeSq[k], g)
		}
	}
	adjust(&t.bias, &t.biasSq, g)
}

// model rounds the weights to what is shipped.
func (t *valueTrainer) model() *valueModel {
	m := &valueModel{table: make([]int8, tableSize), bias: t.bias}
	limit := float32(0)
	for _, w := range t.weights {
		limit = max(limit, w, -w)
	}
	limit = min(limit, 4)
	m.unit = float64(limit) / 127
	if m.unit == 0 {
		m.unit = 1
	}
	for i, w := range t.weights {
		m.table[i] = int8(math.Round(max(-127, min(127, float64(w)/m.unit))))
	}
	for i := range m.shape {
		copy(m.shape[i][:], t.shape[i*maxShape:])
	}
	return m
}

func sigmoid32(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
