package verdict

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
)

// feature is one input of the request model.
type feature uint8

const (
	fMargin       feature = iota // of the worst leaf of the content
	fSecond                      // margin of the second worst leaf
	fWrapper                     // margin of the worst cookie or header
	fWrapperShape                // shapes in cookies and headers
	fWindows                     // logarithm of the number of windows
	fDensity                     // shapes of attack languages for each 64 bytes of the worst leaf
	fProse                       // sentences in the worst leaf
	fLines                       // lines in the worst leaf
	fOpaque                      // the worst leaf is an identifier
	fMatched                     // margin of the worst leaf that an attack rule matched
	fRules                       // how many rules scored
	fBlock
	fLanguages   // here follow the weights of what was found of each language
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
	memo   memo

	x        vector
	opinions []opinion // of part.leaves
	found    []findings
	worst    int   // leaf of the content, -1 if there is none
	worstOut int   // cookie or header, -1 if there is none
	matched  int   // worst leaf that an attack rule matched, -1 if none
	rules    []int // those that scored, each once, and their families
}

// read fills the vector of a decision.
func (m *core) read(r *reading, in *Input) {
	r.part.dissect(in)
	r.opinions, r.found = r.opinions[:0], r.found[:0]
	r.worst, r.worstOut, r.matched = -1, -1, -1
	r.x = vector{}
	r.finder.site = r.finder.site[:0]
	if in.Request != nil {
		r.finder.site = append(r.finder.site, in.Request.Site...)
	}
	for i := range r.part.leaves {
		l := &r.part.leaves[i]
		e, known := r.memo.look(m.value, l, r.finder.site)
		if known {
			r.found, r.opinions = append(r.found, e.found), append(r.opinions, e.opinion)
			continue
		}
		r.tokens = lex(r.tokens[:0], l.value)
		r.finder.find(l, r.tokens)
		o := m.value.judge(&r.reader, l.value, r.tokens, &r.finder.found)
		r.found, r.opinions = append(r.found, r.finder.found), append(r.opinions, o)
		if e != nil {
			r.memo.keep(e, o, &r.finder.found)
		}
	}
	r.content(m.value)
	r.decision(in)
}

// content fills the features of the leaves.
func (r *reading) content(m *valueModel) {
	x := &r.x
	x[fMargin], x[fSecond], x[fWrapper] = missing, missing, missing
	windows := 0
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
		if r.worst < 0 || o.margin > x[fMargin] {
			x[fSecond] = x[fMargin]
			x[fMargin], r.worst = o.margin, i
		} else if o.margin > x[fSecond] {
			x[fSecond] = o.margin
		}
		r.languages(m, &r.found[i])
	}
	x[fWindows] = float32(math.Log(float64(windows + 1)))
	if r.worst >= 0 {
		r.worstLeaf()
	}
}

// worstLeaf fills what is told about the worst leaf alone.
func (r *reading) worstLeaf() {
	f, n := &r.found[r.worst], len(r.part.leaves[r.worst].value)
	x := &r.x
	x[fDensity] = float32(attackShapes(f)) * 64 / float32(n+64)
	x[fProse], x[fLines], x[fOpaque] = float32(f[proseText]), float32(f[codeText]), float32(f[opaqueText])
}

// languages takes what was found of each language in a leaf into the features,
// every shape by the weight that the value model has learned for it: an
// apostrophe is SQL too, but says little.
func (r *reading) languages(m *valueModel, f *findings) {
	var sum [languages]float32
	for i, n := range f {
		for j := range n {
			sum[shapeTable[i].language] += m.shape[i][j]
		}
	}
	for i := range langBenign {
		if k := fLanguages + feature(i); sum[i] > clearGrammar {
			r.x[k] = max(r.x[k], sum[i])
		}
	}
}

// clearGrammar is the weight from which shapes of a language count.
const clearGrammar = 0.5

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

// decision fills the features of what the rules decided.
func (r *reading) decision(in *Input) {
	x := &r.x
	if in.Block {
		x[fBlock] = 1
	}
	x[fMatched] = missing
	r.rules = r.rules[:0]
	for _, id := range in.Rules {
		if bookkeeping(id) || slices.Contains(r.rules, id) {
			continue
		}
		x[fRules]++
		r.rules = append(r.rules, id)
		if family := id / 1000; !slices.Contains(r.rules, family) {
			r.rules = append(r.rules, family)
		}
	}
	x[fRules] = min(x[fRules], 20)
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
				r.x[fMatched], r.matched = o.margin, k
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
		return key == "" || bytes.EqualFold(l.name, []byte(key)) || bytes.EqualFold(l.holder, []byte(key)) || len(l.name) > 0 && strings.HasSuffix(member(key), "."+string(l.name))
	case "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES":
		return l.place == inName
	case "REQUEST_COOKIES":
		return l.place == inCookie && (bytes.EqualFold(l.name, []byte(key)) || bytes.EqualFold(l.holder, []byte(key)))
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

// member cuts the numbers of elements of lists off the end of a key such as
// json.items.0.
func member(key string) string {
	for {
		i := strings.LastIndexByte(key, '.')
		if i < 0 || strings.Trim(key[i+1:], "0123456789") != "" {
			return key
		}
		key = key[:i]
	}
}

// ruleName is how a rule is called in evidence.
func ruleName(id int) string { return "rule " + strconv.Itoa(id) }
