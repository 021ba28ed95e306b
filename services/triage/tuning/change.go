package tuning

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/waf"
)

// kind is a rung of the ladder, narrowest first.
type kind byte

const (
	allowValue   kind = iota // a policy allows one value more
	removeTarget             // a rule no longer looks at one variable
	removeRule               // a rule is off
)

// change is one thing that is done to one rule. It is comparable.
type change struct {
	kind   kind
	rule   int
	target string // variable for removeTarget: NAME, NAME:key, or NAME:/rx/ for a family of keys
	value  string // for allowValue
}

func (c change) compare(o change) int {
	if c.rule != o.rule {
		return c.rule - o.rule
	}
	return strings.Compare(c.target+"\x00"+c.value, o.target+"\x00"+o.value)
}

// touchable tells rules that may be changed from those that sum up, decide, or
// guard the engine itself.
func touchable(rule int) bool {
	family := rule / 1000
	switch family {
	case 901, 905, 949, 959, 980, 999:
		return false
	}
	return family >= 910 && family < 999
}

// targets that can be taken out of a rule. A key selects one element.
var (
	keyed = []string{
		"ARGS", "ARGS_GET", "ARGS_POST", "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES", "REQUEST_COOKIES", "REQUEST_COOKIES_NAMES",
		"REQUEST_HEADERS", "REQUEST_HEADERS_NAMES", "FILES", "FILES_NAMES", "MULTIPART_PART_HEADERS",
	}
	whole = []string{"REQUEST_URI", "REQUEST_URI_RAW", "REQUEST_BODY", "REQUEST_FILENAME", "REQUEST_BASENAME", "REQUEST_LINE", "QUERY_STRING", "XML"}

	plainKey = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.\-\[\]]{0,63}$`)
)

// targetOf is what has to be taken out of a rule so that it does not see a
// matched variable again. It fails if a rule can't be kept from it.
func targetOf(variable string) (string, bool) {
	name, key, hasKey := strings.Cut(variable, ":")
	switch {
	case slices.Contains(whole, name):
		return name, true
	case !slices.Contains(keyed, name):
		return "", false
	case !hasKey || strings.HasSuffix(name, "_NAMES") && !plainKey.MatchString(key):
		return name, true // the name is free text
	}
	if family, ok := keyFamily(key); ok {
		return name + ":" + family, true
	}
	if !plainKey.MatchString(key) {
		return name, true
	}
	return name + ":" + key, true
}

// keyFamily is the expression for keys that differ in numbers alone, such as
// those of a list in JSON.
func keyFamily(key string) (string, bool) {
	template := triage.VariableTemplate(key)
	if !strings.Contains(template, "{id}") || !plainKey.MatchString(strings.ReplaceAll(template, "{id}", "0")) {
		return "", false
	}
	var b strings.Builder
	b.WriteString("/^")
	for template != "" {
		switch rest, isID := strings.CutPrefix(template, "{id}"); {
		case isID:
			b.WriteString("[0-9a-z_-]+")
			template = rest
		case strings.IndexByte(".[]", template[0]) >= 0: // no brackets of a class: a parser of actions might count them
			b.WriteByte('.')
			template = template[1:]
		default:
			b.WriteByte(template[0] | lower(template[0]))
			template = template[1:]
		}
	}
	b.WriteString("$/")
	return b.String(), true
}

// lower is the bit that makes a capital letter a small one.
func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return 0x20
	}
	return 0
}

// action is the ctl of a change; of a value that is allowed it is set together
// with the others of its variable.
func (c change) action() string {
	if c.kind == removeTarget {
		return "ctl:ruleRemoveTargetById=" + strconv.Itoa(c.rule) + ";" + c.target
	}
	return "ctl:ruleRemoveById=" + strconv.Itoa(c.rule)
}

// portable are the changes for ModSecurity v3: it knows no expressions for keys, and
// takes the names of headers by the letter, as HTTP/1.1 or HTTP/2 has them.
func (c change) portable() []change {
	name, key, hasKey := strings.Cut(c.target, ":")
	switch {
	case c.kind != removeTarget || !hasKey:
		return []change{c}
	case strings.HasPrefix(key, "/"):
		c.target = name
		return []change{c}
	case name != "REQUEST_HEADERS" && name != "REQUEST_HEADERS_NAMES":
		return []change{c}
	}
	var all []change
	for _, spelled := range []string{key, http.CanonicalHeaderKey(key), strings.ToLower(key)} {
		c.target = name + ":" + spelled
		all = append(all, c)
	}
	return all
}

// directive writes the rule for changes at a place. allowed are values that a
// policy whose list is set is to allow as well.
func directive(id int, p *place, s *set, allowed []change) string {
	conditions := p.conditions()
	if s.query != nil {
		conditions = append(conditions, condition{"QUERY_STRING", "@rx " + s.query.String()})
	}
	actions := ""
	for i, s := range append(settings(slices.Concat(s.changes, allowed)), ctls(s.changes)...) {
		if i > 0 {
			actions += ",\\\n    "
		}
		actions += s
	}
	var b strings.Builder
	for i, c := range conditions {
		last := i == len(conditions)-1
		head := "t:none"
		if i == 0 {
			head = fmt.Sprintf("id:%d,phase:1,pass,nolog,t:none", id)
		}
		if !last {
			head += ",chain"
		} else {
			head += ",\\\n    " + actions
		}
		fmt.Fprintf(&b, "SecRule %s \"%s\" \\\n    \"%s\"\n", c.variable, c.operator, head)
	}
	return b.String()
}

func ctls(changes []change) []string {
	var all []string
	for _, c := range changes {
		if c.kind != allowValue {
			all = append(all, c.action())
		}
	}
	return all
}

// changesOf are the rungs that would keep a match from counting, narrowest
// first.
func changesOf(c *Case, m *waf.Match) []change {
	if !touchable(m.RuleID) {
		return nil
	}
	var all []change
	if value, ok := policyValue(c, m.RuleID); ok {
		all = append(all, change{kind: allowValue, rule: m.RuleID, value: value})
	}
	if target, ok := targetOf(m.Variable); ok {
		all = append(all, change{kind: removeTarget, rule: m.RuleID, target: target})
	}
	return append(all, change{kind: removeRule, rule: m.RuleID})
}
