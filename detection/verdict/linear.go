package verdict

// linear is the request model: a weighted sum of terms, with weights of its own
// for blocked and for allowed requests, whose mistakes differ in kind. Sums
// carry over to new sources better than trees do (MODEL.md), and each term is
// its own evidence.
type linear struct {
	allowed weights
	blocked weights
}

// weights are the weights of all terms and of nothing.
type weights struct {
	Base float64         `json:"base"`
	Term [terms]float64  `json:"term"`
	Rule map[int]float64 `json:"rule,omitempty"` // by id, and by family for all of its rules
}

// term is one summand of the request model, made of features.
type term uint8

const (
	tContent term = iota
	tSecond
	tClient
	tWindows
	tDensity
	tProse
	tLines
	tOpaque
	tLanguage
	tLanguages
	tMatched
	tUnmatched
	tRules
	terms
)

// risingTerms are those of which more is never less suspicious: a bound on what
// training may learn from the accidents of a source.
var risingTerms = [terms]bool{
	tContent: true, tSecond: true, tClient: true, tDensity: true, tLanguage: true, tLanguages: true, tMatched: true,
}

// termNames are what evidence calls the terms.
var termNames = [terms]string{
	"content", "second value", "client data", "size", "density", "sentences", "lines", "identifier", "grammar", "grammars",
	"matched value", "match elsewhere", "rules",
}

func clip(x, low, high float32) float64 { return float64(max(low, min(high, x))) }

// termsOf computes the terms of a vector.
func termsOf(x *vector) (out [terms]float64) {
	out[tContent] = clip(max(x[fMargin], x[fWrapper]-1), -8, 8)
	out[tSecond] = clip(x[fSecond], -6, 4) + 6
	out[tClient] = clip(x[fWrapperShape], 0, 4)
	out[tWindows] = float64(x[fWindows])
	out[tDensity] = clip(x[fDensity], 0, 4)
	out[tProse] = float64(x[fProse])
	out[tLines] = float64(x[fLines])
	out[tOpaque] = float64(x[fOpaque])
	for i := range langBenign {
		if i == langEncoding || i == langURL {
			continue
		}
		n := clip(x[fLanguages+feature(i)], 0, 4)
		out[tLanguage] = max(out[tLanguage], n)
		out[tLanguages] += min(1, n/3)
	}
	if x[fMatched] > missing {
		out[tMatched] = clip(x[fMatched], -6, 6) + 6
	} else if x[fRules] > 0 {
		out[tUnmatched] = 1
	}
	return out
}

// score sums the terms and the weights of the rules; moved is what each has
// added.
func (l *linear) score(x *vector, rules []int, moved *[terms]float64) float64 {
	w := l.of(x)
	sum := w.Base
	for i, v := range termsOf(x) {
		moved[i] = w.Term[i] * v
		sum += moved[i]
	}
	for _, id := range rules {
		moved[tRules] += w.Rule[id]
	}
	return sum + moved[tRules]
}

// of returns the weights for the kind of decision.
func (l *linear) of(x *vector) *weights {
	if x[fBlock] > 0 {
		return &l.blocked
	}
	return &l.allowed
}
