package verdict

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Phrase is a sentence of evidence. Evidence is kept in English, as it was said at
// the moment; [ReadEvidence] finds its sentence again, so that what is stored, also by
// older nodes, can be said in another language.
type Phrase int

// say is the sentence in English.
func (p Phrase) say(args ...any) string {
	if len(args) == 0 {
		return phraseTable[p].en
	}
	return fmt.Sprintf(phraseTable[p].en, args...)
}

// Say is the sentence in English, with what stands in it.
func (p Phrase) Say(args ...any) string { return p.say(args...) }

// Said is what the texts of a piece of evidence say.
type Said struct {
	Phrase   string   // name of the sentence, "" if it is not known
	Params   []string // what stands in it, in order
	NameZh   string   // "" if the name is not known
	DetailZh string   // "" if the sentence is not known
}

// ReadEvidence finds the sentence of a piece of evidence.
func ReadEvidence(name, detail string) Said {
	s := Said{NameZh: evidenceNames[name]}
	if len(detail) > maxDetail {
		return s
	}
	for p, f := range forms() {
		params, zh, ok := f.read(detail)
		if ok {
			s.Phrase, s.Params = phraseTable[p].id, params
			s.DetailZh = fmt.Sprintf(phraseTable[p].zh, zh...)
			if len(zh) == 0 {
				s.DetailZh = phraseTable[p].zh
			}
			return s
		}
	}
	return s
}

// maxDetail bounds a sentence that is looked for, in bytes.
const maxDetail = 4096

// form is a sentence as it is found again.
type form struct {
	begin, end string // before the first and after the last verb
	pattern    *regexp.Regexp
}

var (
	verb  = regexp.MustCompile(`%(%|[sd]|\.[0-9][fg])`)
	forms = sync.OnceValue(func() (all [phrases]form) {
		for p := range all {
			all[p] = newForm(phraseTable[p].en)
		}
		return all
	})
)

// place matches where a value stands: words, and maybe a quoted name.
const placePattern = `([^":]+(?: "(?:[^"\\]|\\.)*")?)`

func newForm(en string) form {
	var b strings.Builder
	b.WriteString("^")
	var literal []string
	at := 0
	text := ""
	for _, v := range verb.FindAllStringIndex(en, -1) {
		text += en[at:v[0]]
		at = v[1]
		if en[v[0]:v[1]] == "%%" {
			text += "%"
			continue
		}
		literal = append(literal, text)
		b.WriteString(regexp.QuoteMeta(text))
		text = ""
		switch {
		case en[v[0]:v[1]] != "%s":
			b.WriteString(`([0-9.e+-]+)`)
		case v[0] == 0 && strings.HasPrefix(en, "%s: "):
			b.WriteString(placePattern)
		default:
			b.WriteString(`(.+?)`)
		}
	}
	text += en[at:]
	b.WriteString(regexp.QuoteMeta(text) + "$")
	begin := text
	if len(literal) > 0 {
		begin = literal[0]
	}
	return form{begin, text, regexp.MustCompile(b.String())}
}

// read returns what stands in a text of the form, in both languages.
func (f *form) read(detail string) (params []string, zh []any, ok bool) {
	if !strings.HasPrefix(detail, f.begin) || !strings.HasSuffix(detail, f.end) {
		return nil, nil, false
	}
	m := f.pattern.FindStringSubmatch(detail)
	if m == nil {
		return nil, nil, false
	}
	for _, param := range m[1:] {
		text, known := paramZh(param)
		if !known {
			return nil, nil, false
		}
		params, zh = append(params, param), append(zh, text)
	}
	return params, zh, true
}

// paramZh is what stands in a sentence in Chinese: numbers, rules, a place, or a
// list of known words.
func paramZh(param string) (string, bool) {
	if strings.Trim(param, "0123456789.e+-, ") == "" {
		return param, true
	}
	if id, ok := strings.CutPrefix(param, "rule "); ok && strings.Trim(id, "0123456789") == "" {
		return "规则 " + id, true
	}
	if where, name, ok := strings.Cut(param, ` "`); ok {
		zh, known := wordsZh[where]
		return zh + ` "` + name, known
	}
	var all []string
	for rest := param; ; {
		zh, n := longestWord(rest)
		if n == 0 {
			return "", false
		}
		all = append(all, zh)
		if rest = rest[n:]; rest == "" {
			return strings.Join(all, "、"), true
		}
		var more bool
		if rest, more = strings.CutPrefix(rest, ", "); !more {
			return "", false
		}
	}
}

// longestWord is the longest known word that a list begins with, and its length.
// Words have commas too.
func longestWord(list string) (zh string, n int) {
	for i := 0; i <= len(list); i++ {
		if i < len(list) && list[i] != ',' {
			continue
		}
		if text, ok := wordsZh[list[:i]]; ok {
			zh, n = text, i
		}
	}
	return zh, n
}
