package sigma

import "strings"

// categories are those that events have which say what they are in ECS, whatever
// their product and service.
var categories = map[string]bool{"authentication": true, "webserver": true, "mail": true, "application": true}

// Reached tells whether events of our own inputs are of the logsource of a rule.
// Others may still name it themselves, see [RouteEvent].
func (l Logsource) Reached() bool {
	if categories[l.Category] && l.Product == "" && l.Service == "" {
		return true
	}
	for _, list := range datasets {
		if l.acceptsAny(list) {
			return true
		}
	}
	services := map[string]bool{"syslog": true, "auth": true}
	for _, s := range syslogServices {
		services[s] = true
	}
	return l.Category == "" && (l.Product == "" || l.Product == "linux") && (l.Service == "" || services[l.Service])
}

// acceptsAny tells whether a rule of this logsource is for one of some.
func (l Logsource) acceptsAny(sources []Logsource) bool {
	for i := range sources {
		if l.Accepts(sources[i]) {
			return true
		}
	}
	return false
}

// String returns the members that are given, as members of YAML.
func (l Logsource) String() string {
	var parts []string
	for _, m := range [...]struct{ name, value string }{{"category", l.Category}, {"product", l.Product}, {"service", l.Service}} {
		if m.value != "" {
			parts = append(parts, m.name+": "+m.value)
		}
	}
	return strings.Join(parts, ", ")
}
