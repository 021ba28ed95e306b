package sieve

import (
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/types/variables"
)

// Rule is a rule as Coraza has compiled it.
type Rule struct {
	ID    int
	Phase int
	Raw   string // its text, that of the first rule of a chain at least

	// Common says that many rule sets have it, so that what was compiled for it is
	// kept. All others are left to Coraza.
	Common bool

	// Stays says that no directive takes the rule out of a request: where an earlier one
	// skips rules by their number, one is counted here at the latest.
	Stays bool

	Level int  // of paranoia, 0 for none
	Pause bool // it only looks at the time, and never matches
}

// parsed is the first rule of a chain: what has to match for anything to happen.
type parsed struct {
	id, phase  int
	targets    []target
	operator   string // without @ and !
	argument   string
	negated    bool
	transforms []string
	counts     bool // the number of values is looked at, in TX alone
	multi      bool // each step of the transformations is looked at
	skips      int  // rules behind it that are skipped if it matches
	read       bool // the actions are known
}

// target selects values of a transaction.
type target struct {
	variable variables.RuleVariable
	key      string // of the values, all if empty
	except   string // keys that are left out, lower case, each behind a |
}

// sensitive are the variables whose keys keep their case.
var sensitive = map[variables.RuleVariable]bool{
	variables.Args: true, variables.ArgsNames: true,
	variables.ArgsGet: true, variables.ArgsPost: true,
	variables.ArgsGetNames: true, variables.ArgsPostNames: true,
}

// fixed are the variables that no rule changes while a phase is evaluated.
var fixed = map[variables.RuleVariable]bool{
	variables.Args: true, variables.ArgsNames: true, variables.ArgsGet: true, variables.ArgsGetNames: true,
	variables.ArgsPost: true, variables.ArgsPostNames: true, variables.XML: true,
	variables.RequestCookies: true, variables.RequestCookiesNames: true,
	variables.RequestHeaders: true, variables.RequestHeadersNames: true,
	variables.RequestURI: true, variables.RequestURIRaw: true, variables.RequestFilename: true,
	variables.RequestBasename: true, variables.RequestLine: true, variables.RequestMethod: true,
	variables.RequestProtocol: true, variables.QueryString: true, variables.RequestBody: true,
	variables.Files: true, variables.FilesNames: true, variables.MultipartPartHeaders: true,
	variables.ResponseBody: true, variables.ResponseHeaders: true, variables.ResponseStatus: true,
	variables.ResponseHeadersNames: true,
}

// parse reads the text of a rule. It returns false for all that it is not sure
// about; such a rule is evaluated always.
func parse(r Rule) (p parsed, ok bool) {
	p.id, p.phase = r.ID, r.Phase
	rest, found := strings.CutPrefix(strings.TrimSpace(r.Raw), "SecRule ")
	if !found {
		return p, false
	}
	vars, rest, found := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if !found {
		return p, false
	}
	operator, rest, found := quoted(strings.TrimLeft(rest, " "))
	if !found {
		return p, false
	}
	actions, _, found := quoted(strings.TrimLeft(rest, " "))
	if !found || !p.actions(actions) {
		return p, false
	}
	p.read = true
	return p, p.operate(strings.ReplaceAll(operator, `\"`, `"`)) && p.selects(vars)
}

// mentionsSkip tells whether a rule may skip others by their number.
func mentionsSkip(raw string) bool { return strings.Contains(strings.ToLower(raw), "skip:") }

// quoted cuts a string in double quotes off the front.
func quoted(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", "", false
	}
	slashes := 0
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			slashes++
			continue
		case s[i] == '"' && slashes%2 == 0:
			return s[1:i], s[i+1:], true
		}
		slashes = 0
	}
	return "", "", false
}

// operate reads an operator such as !@rx ^a.
func (p *parsed) operate(s string) bool {
	s, p.negated = strings.CutPrefix(s, "!")
	s, found := strings.CutPrefix(s, "@")
	if !found {
		return false
	}
	p.operator, p.argument, _ = strings.Cut(s, " ")
	p.argument = strings.TrimSpace(p.argument)
	return true
}

// actions finds the actions that matter here.
func (p *parsed) actions(s string) bool {
	for _, action := range splitActions(s) {
		key, value, _ := strings.Cut(action, ":")
		value = strings.Trim(strings.TrimSpace(value), "'")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "t":
			if value == "none" {
				p.transforms = nil
			} else {
				p.transforms = append(p.transforms, strings.ToLower(value))
			}
		case "multimatch":
			p.multi = true
		case "skip":
			n, err := strconv.Atoi(value)
			if err != nil {
				return false
			}
			p.skips = n
		}
	}
	return true
}

// splitActions splits at commas outside of single quotes.
func splitActions(s string) []string {
	var all []string
	inside, from := false, 0
	for i := 1; i < len(s); i++ {
		switch {
		case s[i-1] == '\\':
		case s[i] == '\'':
			inside = !inside
		case s[i] == ',' && !inside:
			all = append(all, s[from:i])
			from = i + 1
		}
	}
	return append(all, s[from:])
}

// selects reads the variables. What is said of TX is for [parsed.compares] alone. A selection by an expression counts as one of all
// values, and an exception by one as none, so that a rule may be given more
// values than Coraza gives it and never fewer.
func (p *parsed) selects(s string) bool {
	type exception struct {
		variable variables.RuleVariable
		key      string
	}
	var exceptions []exception
	for s != "" {
		without, count := false, false
		s, without = strings.CutPrefix(s, "!")
		s, count = strings.CutPrefix(s, "&")
		end := strings.IndexAny(s, "|:")
		name, key := s, ""
		switch {
		case end < 0:
			s = ""
		case s[end] == '|':
			name, s = s[:end], s[end+1:]
		default:
			name = s[:end]
			if key, s = cutKey(s[end+1:], name); strings.HasPrefix(key, "'") {
				return false
			}
		}
		v, err := variables.Parse(name)
		if err != nil || count && v != variables.TX || !fixed[v] && v != variables.TX || strings.Contains(key, "|") {
			return false
		}
		if !sensitive[v] {
			key = strings.ToLower(key)
		}
		if v != variables.XML && strings.HasPrefix(key, "/") {
			if without {
				continue
			}
			key = ""
		}
		if without {
			exceptions = append(exceptions, exception{v, strings.ToLower(key)})
			continue
		}
		p.targets = append(p.targets, target{variable: v, key: key})
		p.counts = p.counts || count
	}
	for i, t := range p.targets {
		for _, e := range exceptions {
			if e.variable == t.variable && e.key != "" {
				p.targets[i].except += "|" + e.key
			}
		}
	}
	return len(p.targets) > 0
}

// cutKey cuts the key of a variable off the front: an expression between
// slashes, or all up to the next variable.
func cutKey(s, name string) (key, rest string) {
	if strings.HasPrefix(s, "/") && !strings.EqualFold(name, "XML") {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '/':
				return s[:i+1], strings.TrimPrefix(s[i+1:], "|")
			}
		}
		return s, ""
	}
	key, rest, _ = strings.Cut(s, "|")
	return key, rest
}

// excludes tells whether a value with a key is left out.
func (t target) excludes(key string) bool {
	key = strings.ToLower(key)
	for except := range strings.SplitSeq(t.except[1:], "|") {
		if except == key {
			return true
		}
	}
	return false
}
