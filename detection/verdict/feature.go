package verdict

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// feature is one input of the request model.
type feature uint8

const (
	fMargin       feature = iota // of the worst leaf of the content
	fText                        // the part of its text
	fShape                       // the part of its shapes
	fSecond                      // margin of the second worst leaf
	fWrapper                     // margin of the worst cookie or header
	fWrapperShape                // shapes in cookies and headers
	fWindows                     // logarithm of the number of windows
	fBytes                       // logarithm of the bytes of content
	fLeafBytes                   // logarithm of the bytes of the worst leaf
	fDensity                     // shapes of attack languages for each 64 bytes of the worst leaf
	fProse                       // sentences in the worst leaf
	fLines                       // lines in the worst leaf
	fOpaque                      // the worst leaf is an identifier
	fMatched                     // margin of the worst leaf that an attack rule matched
	fMatchedText                 // text part of that leaf
	fRuleMax                     // weight of the gravest rule
	fRuleMean                    // mean weight of the rules
	fRules                       // how many rules scored
	fScore                       // anomaly score
	fBlock
	fKnownRules  // rules that training has seen
	fLanguages   // here follow the hits of each language
	featureCount = fLanguages + feature(languages) - 1
)

// missing is the value of a feature that there is nothing to say about.
const missing = -20

// vector is what the request model sees of one decision.
type vector [featureCount]float32

// reading is the scratch space and result of looking at one request.
type reading struct {
	part   anatomy
	finder finder
	tokens []token
	reader reader

	x        vector
	opinions []opinion // of part.leaves
	found    []findings
	worst    int // leaf of the content, -1 if there is none
	worstOut int // cookie or header, -1 if there is none
	matched  int // worst leaf that an attack rule matched, -1 if none
	rule     int // gravest rule, 0 if none
}

// read fills the vector of a decision.
func (m *core) read(r *reading, in *Input) {
	r.part.dissect(in)
	r.opinions, r.found = r.opinions[:0], r.found[:0]
	r.worst, r.worstOut, r.matched, r.rule = -1, -1, -1, 0
	r.x = vector{}
	r.finder.site = r.finder.site[:0]
	if in.Request != nil {
		r.finder.site = append(r.finder.site, in.Request.Site...)
	}
	for i := range r.part.leaves {
		l := &r.part.leaves[i]
		r.tokens = lex(r.tokens[:0], l.value)
		r.finder.find(l, r.tokens)
		r.found = append(r.found, r.finder.found)
		r.opinions = append(r.opinions, m.value.judge(&r.reader, l.value, r.tokens, &r.finder.found))
	}
	r.content()
	m.rules(r, in)
}

// content fills the features of the leaves.
func (r *reading) content() {
	x := &r.x
	x[fMargin], x[fText], x[fShape], x[fSecond], x[fWrapper] = missing, missing, 0, missing, missing
	windows, size := 0, 0
	for i := range r.opinions {
		o, l := &r.opinions[i], &r.part.leaves[i]
		if l.place.wrapper() {
			if o.margin > x[fWrapper] || r.worstOut < 0 {
				x[fWrapper], r.worstOut = o.margin, i
			}
			x[fWrapperShape] = max(x[fWrapperShape], float32(attackShapes(&r.found[i])))
			continue
		}
		windows += o.n
		size += len(l.value)
		if r.worst < 0 || o.margin > x[fMargin] {
			x[fSecond] = x[fMargin]
			x[fMargin], r.worst = o.margin, i
		} else if o.margin > x[fSecond] {
			x[fSecond] = o.margin
		}
		r.languages(&r.found[i])
	}
	x[fWindows] = float32(math.Log(float64(windows + 1)))
	x[fBytes] = float32(math.Log(float64(size + 1)))
	if r.worst >= 0 {
		r.worstLeaf()
	}
}

// worstLeaf fills what is told about the worst leaf alone.
func (r *reading) worstLeaf() {
	o, f, n := &r.opinions[r.worst], &r.found[r.worst], len(r.part.leaves[r.worst].value)
	x := &r.x
	x[fText], x[fShape] = o.text, o.shape
	x[fLeafBytes] = float32(math.Log(float64(n + 1)))
	x[fDensity] = float32(attackShapes(f)) * 64 / float32(n+64)
	x[fProse], x[fLines], x[fOpaque] = float32(f[proseText]), float32(f[codeText]), float32(f[opaqueText])
}

// languages takes the hits of a leaf into the features of languages.
func (r *reading) languages(f *findings) {
	var sum [languages]float32
	for i, n := range f {
		if n > 0 {
			sum[shapeTable[i].language] += float32(n)
		}
	}
	for i := range langBenign {
		k := fLanguages + feature(i)
		r.x[k] = max(r.x[k], sum[i])
	}
}

// attackShapes counts the shapes that are not plain content.
func attackShapes(f *findings) int {
	sum := 0
	for i, n := range f {
		if n > 0 && shapeTable[i].language != langBenign {
			sum += int(n)
		}
	}
	return sum
}

// policyRule tells the families of CRS that enforce a protocol policy and no
// attack pattern.
func policyRule(id int) bool {
	switch id / 1000 {
	case 911, 920, 921:
		return true
	}
	return false
}

// bookkeeping tells the families of CRS that only set up and sum up.
func bookkeeping(id int) bool {
	switch id / 1000 {
	case 901, 905, 949, 959, 980:
		return true
	}
	return false
}

// rules fills the features of the decision.
func (m *core) rules(r *reading, in *Input) {
	x := &r.x
	x[fScore] = float32(min(in.Score, 60))
	if in.Block {
		x[fBlock] = 1
	}
	x[fRuleMax], x[fRuleMean], x[fMatched], x[fMatchedText] = missing, missing, missing, missing
	sum, known, n := float32(0), 0, 0
	for _, id := range in.Rules {
		if bookkeeping(id) {
			continue
		}
		n++
		w, ok := m.rule[id]
		if !ok {
			w = m.family[id/1000]
		} else {
			known++
		}
		sum += w
		if r.rule == 0 || w > x[fRuleMax] {
			x[fRuleMax], r.rule = w, id
		}
	}
	x[fRules], x[fKnownRules] = float32(min(n, 20)), float32(min(known, 20))
	if n > 0 {
		x[fRuleMean] = sum / float32(n)
	}
	r.matches(in)
}

// matches finds the leaves that attack rules matched.
func (r *reading) matches(in *Input) {
	for i := range in.Matches {
		m := &in.Matches[i]
		if policyRule(m.Rule) || bookkeeping(m.Rule) {
			continue
		}
		for k := range r.part.leaves {
			if !stands(&r.part.leaves[k], m) {
				continue
			}
			if o := &r.opinions[k]; r.matched < 0 || o.margin > r.x[fMatched] {
				r.x[fMatched], r.x[fMatchedText], r.matched = o.margin, o.text, k
			}
		}
	}
}

// stands tells whether a leaf is what a match names.
func stands(l *leaf, m *Match) bool {
	variable, key, _ := strings.Cut(m.Variable, ":")
	switch variable {
	case "ARGS", "ARGS_GET", "ARGS_POST":
		if l.place.wrapper() || l.place == inPath || l.place == inName {
			return false
		}
		return key == "" || bytes.EqualFold(l.name, []byte(key)) || strings.HasSuffix(key, "."+string(l.name)) && len(l.name) > 0
	case "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES":
		return l.place == inName
	case "REQUEST_COOKIES":
		return l.place == inCookie && bytes.EqualFold(l.name, []byte(key))
	case "REQUEST_HEADERS":
		return l.place.wrapper() && l.place != inCookie && bytes.EqualFold(l.name, []byte(key))
	case "REQUEST_FILENAME", "REQUEST_URI", "REQUEST_URI_RAW", "REQUEST_BASENAME", "REQUEST_LINE":
		return l.place == inPath || variable != "REQUEST_FILENAME" && variable != "REQUEST_BASENAME" && l.place == inQuery
	case "REQUEST_BODY", "XML":
		return l.place == inBody || l.place == inXML || l.place == inForm
	case "FILES", "FILES_NAMES", "MULTIPART_FILENAME":
		return l.place == inFilename
	}
	return l.place == inMatch
}

// featureNames are what evidence and the model card call the features.
var featureNames = func() (names [featureCount]string) {
	copy(names[:], []string{
		"content", "text", "shapes", "second value", "client data", "shapes in client data", "windows", "size", "value size",
		"density", "prose", "lines", "identifier", "matched value", "matched text", "gravest rule", "rules", "number of rules",
		"anomaly score", "decision", "known rules",
	})
	for i := range langBenign {
		names[fLanguages+feature(i)] = "language " + languageNames[i]
	}
	return names
}()

// ruleName is how a rule is called in evidence.
func ruleName(id int) string { return "rule " + strconv.Itoa(id) }
