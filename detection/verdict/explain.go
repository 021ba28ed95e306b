package verdict

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// account collects evidence.
type account struct {
	dst   []Evidence
	begin int
}

func (a *account) add(name string, weight float64, detail string) {
	if math.Abs(weight) >= 0.05 {
		a.dst = append(a.dst, Evidence{name, weight, detail})
	}
}

// close adds what calibration and the bounds have moved, and sorts.
func (a *account) close(odds, prior float64) []Evidence {
	rest := odds - prior
	for _, e := range a.dst[a.begin:] {
		rest -= e.Weight
	}
	a.add("calibration", rest, phraseBaseRate.say())
	slices.SortStableFunc(a.dst[a.begin:], func(x, y Evidence) int {
		switch x, y := math.Abs(x.Weight), math.Abs(y.Weight); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	a.add("prior", prior, phrasePrior.say(100*sigmoid(prior)))
	return a.dst
}

// explain turns the terms into evidence, together where they speak of the same
// thing.
func (m *Model) explain(a *account, r *reading, in *Input, moved *[terms]float64) {
	top := r.worst
	if r.worstOut >= 0 && r.x[fWrapper]-1 > r.x[fMargin] {
		top = r.worstOut
	}
	a.add("content", moved[tContent]+moved[tDensity], r.describe(top))
	a.add("second value", moved[tSecond], phraseSecond.say())
	a.add("client data", moved[tClient], r.describe(r.worstOut))
	a.add("size", moved[tWindows], phraseSize.say(len(r.part.leaves)))
	a.add("form", moved[tProse]+moved[tLines]+moved[tOpaque], r.form())
	a.add("grammar", moved[tLanguage]+moved[tLanguages], r.grammar())
	a.add("matched value", moved[tMatched]+moved[tUnmatched], r.describe(r.matched))
	a.add("rules", moved[tRules], m.ruleWords(r, in))
}

// grammar names the languages that were found.
func (r *reading) grammar() string {
	var found []string
	for i := range langBenign {
		if r.x[fLanguages+feature(i)] > 0 {
			found = append(found, languageNames[i])
		}
	}
	if found == nil {
		return phraseNoAttackLanguage.say()
	}
	return phraseLanguages.say(strings.Join(found, ", "))
}

// describe says where a leaf stands and what was found in it.
func (r *reading) describe(i int) string {
	if i < 0 {
		return phraseNothingToJudge.say()
	}
	l := &r.part.leaves[i]
	var b strings.Builder
	b.WriteString(placeNames[l.place])
	if len(l.name) > 0 && l.place != inName {
		b.WriteByte(' ')
		b.WriteString(strconv.QuoteToASCII(string(l.name[:min(len(l.name), 64)])))
	}
	n := 0
	for s, count := range r.found[i] {
		if count == 0 || shapeTable[s].language == langBenign || n == 4 {
			continue
		}
		if n == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(shapeTable[s].words)
		n++
	}
	if n == 0 {
		b.WriteString(": no grammar of an attack")
	}
	return b.String()
}

func (r *reading) form() string {
	if r.worst < 0 {
		return phraseNoContent.say()
	}
	f := &r.found[r.worst]
	switch {
	case f[proseText] > 0 && f[codeText] > 0:
		return phraseLinesOfSentences.say()
	case f[proseText] > 0:
		return phraseSentences.say()
	case f[codeText] > 0:
		return phraseLines.say()
	case f[opaqueText] > 0:
		return phraseIdentifier.say()
	}
	return phraseNeitherForm.say()
}

// ruleWords names the rule that speaks most for an attack.
func (m *Model) ruleWords(r *reading, in *Input) string {
	gravest, most := 0, math.Inf(-1)
	w := m.request.of(&r.x)
	for _, id := range r.rules {
		if id < 1000 { // a family
			continue
		}
		if sum := w.Rule[id] + w.Rule[id/1000]; sum > most {
			gravest, most = id, sum
		}
	}
	if gravest == 0 {
		return phraseNoRule.say()
	}
	return phraseRulesScored.say(int(r.x[fRules]), in.Score, ruleName(gravest))
}
