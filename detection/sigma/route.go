package sigma

import (
	"slices"

	"github.com/gatewatch/gatewatch/detection/event"
)

// datasets says what the events of our own parsers are in Sigma's taxonomy: each is
// of all these logsources. What a WAF judges are requests to a web server, rules
// for those see them too. An sshd writes to the log of authentication, and nginx
// and Apache have one service for all of their logs.
var datasets = map[string][]Logsource{
	"nginx.access":             {{Category: "webserver", Product: "nginx", Service: "nginx"}},
	"nginx.error":              {{Category: "webserver", Product: "nginx", Service: "nginx-error"}, {Product: "nginx", Service: "nginx"}},
	"apache.access":            {{Category: "webserver", Product: "apache", Service: "apache"}},
	"apache.error":             {{Product: "apache", Service: "apache"}},
	"coraza.audit":             coraza,
	"coraza.waf":               coraza,
	"modsecurity.audit":        {{Category: "webserver", Product: "modsecurity", Service: "modsecurity"}, waf},
	"postfix":                  {{Category: "mail", Product: "linux", Service: "postfix"}},
	"sshd":                     {{Product: "linux", Service: "sshd"}, {Product: "linux", Service: "auth"}},
	"exchange.messagetracking": {{Category: "mail", Product: "windows", Service: "exchange-messagetracking"}},
	"exchange.httpproxy":       {{Category: "webserver", Product: "windows", Service: "exchange-httpproxy"}},
}

var (
	waf    = Logsource{Category: "waf", Product: "modsecurity", Service: "modsecurity"}
	coraza = []Logsource{{Category: "webserver", Product: "modsecurity", Service: "coraza"}, waf}
)

var (
	keyProduct  = event.Intern("product")
	keyCategory = event.Intern("category")
	keyService  = event.Intern("service")
)

// RouteEvent is a Route for [Options]: the logsource that the event names itself in
// product, category and service, else those of its dataset. An event.dataset which
// is none of ours is a service of its event.module, in each category that its
// event.category stands for. Of an event of which nothing is known there is none.
func RouteEvent(dst []Logsource, e *event.Event) []Logsource {
	l := Logsource{
		Product:  e.Get(keyProduct).Text(),
		Category: e.Get(keyCategory).Text(),
		Service:  e.Get(keyService).Text(),
	}
	switch {
	case l.Product != "" || l.Category != "":
		return append(dst, l)
	case l.Service != "": // also what many applications call themselves
		return appendCategories(dst, l, e)
	case e.Dataset == "":
		return dst
	case e.Dataset == "syslog":
		service, log := syslogService(e)
		dst = append(dst, Logsource{Product: "linux", Service: service})
		if log != service {
			dst = append(dst, Logsource{Product: "linux", Service: log})
		}
		return dst
	}
	if list, ok := datasets[e.Dataset]; ok {
		return append(dst, list...)
	}
	return appendCategories(dst, Logsource{Product: e.Get(event.EventModule).Text(), Service: e.Dataset}, e)
}

// appendCategories appends a logsource in each category that Sigma has a word for
// among those of an event; what says nothing of itself is an application.
func appendCategories(dst []Logsource, l Logsource, e *event.Event) []Logsource {
	first := len(dst)
	for v := range e.Values(event.EventCategory) {
		switch v.Text() {
		case "authentication":
			l.Category = "authentication"
		case "web":
			l.Category = "webserver"
		case "email":
			l.Category = "mail"
		default:
			continue
		}
		if !slices.Contains(dst[first:], l) {
			dst = append(dst, l)
		}
	}
	if len(dst) == first {
		l.Category = "application"
		dst = append(dst, l)
	}
	return dst
}
