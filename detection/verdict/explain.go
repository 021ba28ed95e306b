package verdict

import (
	"fmt"
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
	a.add("calibration", rest, "base rate of the model and correction on held-out sources")
	slices.SortStableFunc(a.dst[a.begin:], func(x, y Evidence) int {
		switch x, y := math.Abs(x.Weight), math.Abs(y.Weight); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	a.add("prior", prior, fmt.Sprintf("%.3g %% of requests are taken to be attacks", 100*sigmoid(prior)))
	return a.dst
}

// explain turns the contributions of the features into evidence, together where
// they speak of the same thing.
func (m *Model) explain(a *account, r *reading, in *Input, moved *vector) {
	sum := func(features ...feature) float64 {
		s := 0.0
		for _, f := range features {
			s += float64(moved[f])
		}
		return s
	}
	a.add("content", sum(fMargin, fText, fShape, fDensity), r.describe(r.worst))
	a.add("second value", sum(fSecond), "the second most suspicious value")
	a.add("client data", sum(fWrapper, fWrapperShape), r.describe(r.worstOut))
	a.add("size", sum(fWindows, fBytes, fLeafBytes), fmt.Sprintf("%d values in the request", len(r.part.leaves)))
	a.add("form", sum(fProse, fLines, fOpaque), r.form())
	a.add("matched value", sum(fMatched, fMatchedText), r.describe(r.matched))
	a.add("rules", sum(fRuleMax, fRuleMean, fRules, fKnownRules), r.ruleWords(in))
	a.add("score", sum(fScore, fBlock), "anomaly score "+strconv.Itoa(in.Score))
	for i := range langBenign {
		k := fLanguages + feature(i)
		detail := "no grammar of it"
		if r.x[k] > 0 {
			detail = fmt.Sprintf("%d findings of its grammar", int(r.x[k]))
		}
		a.add(strings.ToLower(languageNames[i]), float64(moved[k]), detail)
	}
}

// describe says where a leaf stands and what was found in it.
func (r *reading) describe(i int) string {
	if i < 0 {
		return "nothing to judge"
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
		return "no content"
	}
	f := &r.found[r.worst]
	switch {
	case f[proseText] > 0 && f[codeText] > 0:
		return "several lines with sentences"
	case f[proseText] > 0:
		return "sentences"
	case f[codeText] > 0:
		return "several lines"
	case f[opaqueText] > 0:
		return "an identifier"
	}
	return "neither sentences nor an identifier"
}

func (r *reading) ruleWords(in *Input) string {
	if r.rule == 0 {
		return "no rule scored"
	}
	return fmt.Sprintf("%d rules scored, gravest is %s", int(r.x[fRules]), ruleName(r.rule))
}
