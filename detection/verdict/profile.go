package verdict

import (
	"math"
	"strconv"
)

// Profile is what is usual at the sites of earlier traffic, without labels. The
// traffic may hold attacks, so a profile never excuses what is clearly one, and
// what it calls usual must have been usual all the time: a burst by which
// somebody teaches it changes nothing.
//
// Add must not be called while verdicts are made; after that a profile may be
// used by any number of goroutines.
type Profile struct {
	model  *Model
	values map[string]*course // by site and parameter
	rules  map[string]*course // by site, parameter and rule
	read   reading
}

// course is what was seen of one parameter, in the order of time: every stride-th
// value. It never holds more than maxCourse.
type course struct {
	n       int
	stride  int
	margins []float32
	at      []int32 // number of the request of the parameter
}

const (
	maxCourse     = 256
	maxParameters = 1 << 18
	minHistory    = 12 // requests of a parameter below which nothing is said
)

// NewProfile returns an empty profile that is read with the model's eyes.
func NewProfile(m *Model) *Profile {
	return &Profile{model: m, values: map[string]*course{}, rules: map[string]*course{}}
}

func (c *course) add(margin float32, number int) {
	if c.stride == 0 {
		c.stride = 1
	}
	if c.n%c.stride == 0 {
		if len(c.margins) == maxCourse {
			for i := 0; i < maxCourse/2; i++ {
				c.margins[i], c.at[i] = c.margins[2*i], c.at[2*i]
			}
			c.margins, c.at = c.margins[:maxCourse/2], c.at[:maxCourse/2]
			c.stride *= 2
		}
		if c.n%c.stride == 0 {
			c.margins = append(c.margins, margin)
			c.at = append(c.at, int32(number))
		}
	}
	c.n++
}

// Add takes in one earlier request. It reports whether all of it found room.
func (p *Profile) Add(in *Input) bool {
	if in.Request == nil {
		return true
	}
	r := &p.read
	p.model.read(r, in)
	room := true
	seen := map[string]bool{}
	for i := range r.part.leaves {
		l := &r.part.leaves[i]
		if l.place == inAgent || l.place == inReferer || l.place == inName {
			continue
		}
		key := parameterKey(in.Request.Site, l)
		if seen[key] {
			continue
		}
		seen[key] = true
		c := p.values[key]
		if c == nil {
			if len(p.values) >= maxParameters {
				room = false
				continue
			}
			c = &course{}
			p.values[key] = c
		}
		c.add(r.opinions[i].margin, c.n)
		p.addRules(in, l, key, c.n)
	}
	return room
}

// addRules notes which rules matched a leaf.
func (p *Profile) addRules(in *Input, l *leaf, key string, number int) {
	for i := range in.Matches {
		m := &in.Matches[i]
		if policyRule(m.Rule) || bookkeeping(m.Rule) || !stands(l, m) {
			continue
		}
		k := ruleKey(key, m.Rule)
		c := p.rules[k]
		if c == nil {
			if len(p.rules) >= maxParameters {
				continue
			}
			c = &course{}
			p.rules[k] = c
		}
		if c.n == 0 || c.at[len(c.at)-1] != int32(number) {
			c.add(0, number)
		}
	}
}

// parameterKey names a parameter of a site. Paths are known by their form.
func parameterKey(site string, l *leaf) string {
	b := make([]byte, 0, 64)
	b = append(b, site...)
	b = append(b, 0, byte('a'+l.place))
	if l.place != inPath {
		return string(append(b, l.name[:min(len(l.name), 64)]...))
	}
	depth := 0
	for _, c := range l.value[:min(len(l.value), 64)] {
		if c == '/' {
			if depth++; depth > 3 {
				break
			}
		}
		b = append(b, fold[c])
	}
	return string(b)
}

func ruleKey(parameter string, rule int) string { return parameter + "\x00" + strconv.Itoa(rule) }

// usual is the share of earlier values that a condition holds for, in the
// quarter of the time where it was least so.
func (c *course) usual(holds func(float32) bool) float64 {
	parts := 4
	if len(c.margins) < 40 {
		parts = 2
	}
	low := 1.0
	for q := range parts {
		from, to := q*len(c.margins)/parts, (q+1)*len(c.margins)/parts
		k := 0
		for _, m := range c.margins[from:to] {
			if holds(m) {
				k++
			}
		}
		low = math.Min(low, float64(k)/float64(max(to-from, 1)))
	}
	return low
}

// Bounds of what history may say. It never excuses a request of which the rest
// is surer than certainAttack.
const (
	certainAttack = 7.0
	maxExcuse     = 3.5
	maxNovelty    = 1.5
)

// weigh asks of every suspicious leaf whether it is usual, and returns by how
// much the worst leaf is less or more suspicious for it, in log-odds; 0 where
// there is too little history. That one leaf is usual excuses no other.
func (p *Profile) weigh(r *reading, in *Input, odds float64) (float64, string) {
	if in.Request == nil || r.worst < 0 {
		return 0, ""
	}
	const near = maxExcuse + maxNovelty // leaves further below cannot become the worst
	top := float64(r.x[fMargin])
	worst, detail := math.Inf(-1), ""
	for i := range r.part.leaves {
		l := &r.part.leaves[i]
		margin := float64(r.opinions[i].margin)
		if l.place.wrapper() || margin < top-near {
			continue
		}
		weight, words := p.weighValue(r, in, i)
		if w, more := p.weighRules(in, l); w < weight {
			weight, words = w, more
		}
		if margin+weight > worst {
			worst, detail = margin+weight, words
		}
	}
	weight := worst - top
	if weight < 0 {
		weight *= math.Max(0, math.Min(1, (certainAttack-odds)/2))
	}
	if detail == "" {
		detail = phraseMostUsual.say()
	}
	return weight, detail
}

// weighValue asks whether values as suspicious as this are usual here.
func (p *Profile) weighValue(r *reading, in *Input, i int) (float64, string) {
	l := &r.part.leaves[i]
	c := p.values[parameterKey(in.Request.Site, l)]
	if c == nil || c.n < minHistory {
		return 0, ""
	}
	margin := r.opinions[i].margin
	share := c.usual(func(m float32) bool { return m >= margin-0.7 })
	gate := float64(c.n) / float64(c.n+20)
	words := phraseValuesBefore.say(placeNames[l.place], c.n, 100*share)
	if share >= 0.05 {
		return -gate * math.Min(maxExcuse, math.Log(share/0.02)), words
	}
	above := 0
	for _, m := range c.margins {
		if m >= margin-0.7 {
			above++
		}
	}
	if above*100 <= len(c.margins) && margin > -3 {
		return gate * maxNovelty * math.Min(1, float64(c.n)/60), words
	}
	return 0, ""
}

// weighRules asks whether the rules that matched a leaf are usual for it. The
// least usual one decides.
func (p *Profile) weighRules(in *Input, l *leaf) (float64, string) {
	least, words := math.Inf(-1), ""
	for i := range in.Matches {
		m := &in.Matches[i]
		if policyRule(m.Rule) || bookkeeping(m.Rule) || !stands(l, m) {
			continue
		}
		if w, d := p.weighRule(in, l, m.Rule); w > least {
			least, words = w, d
		}
	}
	if math.IsInf(least, -1) {
		return 0, ""
	}
	return least, words
}

func (p *Profile) weighRule(in *Input, l *leaf, rule int) (float64, string) {
	key := parameterKey(in.Request.Site, l)
	c, hits := p.values[key], p.rules[ruleKey(key, rule)]
	if c == nil || hits == nil || c.n < minHistory {
		return 0, ""
	}
	// Hits must be spread over the time in which the parameter was seen.
	var quarter [4]int
	for _, at := range hits.at {
		quarter[min(3, int(at-1)*4/c.n)] += hits.stride
	}
	low := c.n
	for _, k := range quarter {
		low = min(low, k)
	}
	share := float64(low) * 4 / float64(c.n)
	if share < 0.05 {
		return 0, ""
	}
	gate := float64(c.n) / float64(c.n+20)
	return -gate * math.Min(maxExcuse, math.Log(share/0.02)),
		phraseRuleBefore.say(placeNames[l.place], ruleName(rule), 100*share, c.n)
}
