package tuning

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// place is where a proposal holds: the hosts of a site and, unless path is
// empty, the paths of a template.
type place struct {
	site  string
	path  string // template
	hosts []string
	exact string // the path, if it is one only and plain
	rx    string // else what paths look like

	matches *regexp.Regexp // rx
}

// Bounds of what gets into a directive.
const (
	maxHosts = 8
	maxHost  = 253
	maxPath  = 512
)

var (
	plainHost = regexp.MustCompile(`^[a-z0-9._-]+$`)
	plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._~+-]*$`)
)

// hostOf is the host that a request names, without its port and in lower case.
func hostOf(r *verdict.Request) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], "Host") {
			host := strings.ToLower(h[1])
			if name, _, err := net.SplitHostPort(host); err == nil {
				host = name
			}
			return host
		}
	}
	return ""
}

// pathOf is what REQUEST_FILENAME holds.
func pathOf(r *verdict.Request) string {
	uri := r.URI
	if i := strings.Index(uri, "://"); i > 0 && !strings.HasPrefix(uri, "/") {
		rest := uri[i+3:]
		if i = strings.IndexByte(rest, '/'); i < 0 {
			return "/"
		}
		uri = rest[i:]
	}
	uri, _, _ = strings.Cut(uri, "?")
	uri, _, _ = strings.Cut(uri, "#")
	return uri
}

// newPlace describes where requests went, for those of them whose host a directive
// can name: of many hosts those with the most requests. It returns nil if no
// directive can tell the place.
func newPlace(site, template string, all []*Case) (*place, []*Case) {
	p := &place{site: site, path: template}
	count := map[string]int{}
	for _, c := range all {
		if host := hostOf(c.Request); plainHost.MatchString(host) && len(host) <= maxHost {
			count[host]++
		}
	}
	p.hosts = slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(a, b)
	})
	p.hosts = p.hosts[:min(len(p.hosts), maxHosts)]
	slices.Sort(p.hosts)
	var kept []*Case
	for _, c := range all {
		if slices.Contains(p.hosts, hostOf(c.Request)) {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 || template != "" && !p.describe(kept) {
		return nil, nil
	}
	return p, kept
}

// describe finds what the paths have in common.
func (p *place) describe(all []*Case) bool {
	first := pathOf(all[0].Request)
	same := !slices.ContainsFunc(all, func(c *Case) bool { return pathOf(c.Request) != first })
	if same && plainPath.MatchString(first) && len(first) <= maxPath {
		p.exact = first
		return true
	}
	for _, id := range []string{"[0-9]+", "[0-9A-Fa-f-]+", "[^/;]+"} {
		for _, parameters := range []string{"", "(?:;[^/]*)?"} { // which are no part of a template
			p.rx = templateRegexp(p.path, id, parameters)
			rx, err := regexp.Compile(p.rx)
			if err != nil || len(p.rx) > maxPath {
				return false
			}
			if !slices.ContainsFunc(all, func(c *Case) bool { return !rx.MatchString(pathOf(c.Request)) }) {
				p.matches = rx
				return true
			}
		}
	}
	return false
}

// templateRegexp is the expression of a template of [triage.PathTemplate], with
// what its ids look like and what may follow a segment.
func templateRegexp(template, id, parameters string) string {
	const placeholder, rest = "{id}", "…"
	var b strings.Builder
	b.WriteByte('^')
	for template != "" {
		switch {
		case strings.HasPrefix(template, placeholder):
			b.WriteString(id)
			template = template[len(placeholder):]
		case template == rest:
			b.WriteString(".*")
			template = ""
		case template[0] == '/':
			if b.Len() > 1 {
				b.WriteString(parameters)
			}
			b.WriteByte('/')
			template = template[1:]
		default:
			b.WriteString(quoted(template[0]))
			template = template[1:]
		}
	}
	return b.String() + parameters + "$"
}

// quoted is a byte in a regular expression within SecLang, where quotes,
// backslashes and macros have a meaning too.
func quoted(c byte) string {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '/', c == '_', c == '-', c == '~':
		return string(rune(c))
	}
	return fmt.Sprintf(`\x%02x`, c)
}

// holds tells whether a request is at the place.
func (p *place) holds(r *verdict.Request) bool {
	if !slices.Contains(p.hosts, hostOf(r)) {
		return false
	}
	if p.path == "" {
		return true
	}
	path := pathOf(r)
	if p.exact != "" {
		return path == p.exact
	}
	return p.matches.MatchString(path)
}

// conditions are the operators of the rules of a chain, outermost first.
func (p *place) conditions() []condition {
	alternatives := make([]string, len(p.hosts))
	for i, h := range p.hosts {
		var b strings.Builder
		for j := range len(h) {
			b.WriteString(quoted(h[j]))
		}
		alternatives[i] = b.String()
	}
	host := condition{"REQUEST_HEADERS:Host", `@rx ^(?i:` + strings.Join(alternatives, "|") + `)(?::[0-9]+)?$`}
	switch {
	case p.path == "":
		return []condition{host}
	case p.exact != "":
		return []condition{host, {"REQUEST_FILENAME", "@streq " + p.exact}}
	}
	return []condition{host, {"REQUEST_FILENAME", "@rx " + p.rx}}
}

// condition is one rule of a chain.
type condition struct{ variable, operator string }

// shownPath is the path as proposals name it.
func (p *place) shownPath() string {
	switch {
	case p.path == "":
		return "*"
	case p.exact != "":
		return p.exact
	}
	return p.path
}
