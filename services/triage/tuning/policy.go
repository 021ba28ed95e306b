package tuning

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// policy is a rule of CRS that compares with a list of allowed values, which a
// site may extend.
type policy struct {
	rule    int
	setting string                                // variable of the list
	item    func(value string) string             // as it stands in the list
	value   func(*verdict.Request) (string, bool) // that the rule saw
	plain   *regexp.Regexp                        // values that may be written into a directive
}

var policies = []policy{
	{
		rule: 920420, setting: "tx.allowed_request_content_type",
		item:  func(v string) string { return "|" + v + "|" },
		value: contentType,
		plain: regexp.MustCompile(`^[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}$`),
	},
	{
		rule: 911100, setting: "tx.allowed_methods",
		item:  func(v string) string { return v },
		value: func(r *verdict.Request) (string, bool) { return r.Method, true },
		plain: regexp.MustCompile(`^[A-Z]{1,20}$`),
	},
}

func contentType(r *verdict.Request) (string, bool) {
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], "Content-Type") {
			value := strings.ToLower(h[1])
			if i := strings.IndexAny(value, "; \t"); i >= 0 {
				value = value[:i]
			}
			return value, true
		}
	}
	return "", false
}

func policyOf(rule int) *policy {
	i := slices.IndexFunc(policies, func(p policy) bool { return p.rule == rule })
	if i < 0 {
		return nil
	}
	return &policies[i]
}

// policyValue is the value for which a policy rule blocked a request, if it can
// be allowed.
func policyValue(c *Case, rule int) (string, bool) {
	p := policyOf(rule)
	if p == nil {
		return "", false
	}
	value, ok := p.value(c.Request)
	return value, ok && p.plain.MatchString(value)
}

// settings are the actions that allow values: lists replace CRS's own, so they
// repeat what it allows.
func settings(changes []change) []string {
	var all []string
	for _, p := range policies {
		var values []string
		for _, c := range changes {
			if c.kind == allowValue && c.rule == p.rule {
				values = append(values, p.item(c.value))
			}
		}
		if len(values) > 0 {
			all = append(all, fmt.Sprintf("setvar:'%s=%s'", p.setting, strings.Join(append([]string{defaults()[p.setting]}, values...), " ")))
		}
	}
	return all
}

// defaults are the lists that CRS allows, read from its own initialization.
var defaults = sync.OnceValue(func() map[string]string {
	text, err := fs.ReadFile(coreruleset.FS, "@owasp_crs/REQUEST-901-INITIALIZATION.conf")
	if err != nil {
		panic(err) // compiled in
	}
	all := map[string]string{}
	for _, p := range policies {
		m := regexp.MustCompile(`setvar:'` + regexp.QuoteMeta(p.setting) + `=([^']*)'`).FindSubmatch(text)
		if m == nil {
			panic("the rules set no " + p.setting)
		}
		all[p.setting] = string(m[1])
	}
	return all
})
