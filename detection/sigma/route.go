package sigma

import "github.com/gatewatch/gatewatch/detection/event"

// datasets says what the events of our own parsers are in Sigma's taxonomy. What a
// WAF judges are requests to a web server: rules for those see them too.
var datasets = map[string]Logsource{
	"nginx.access":             {Category: "webserver", Product: "nginx", Service: "nginx"},
	"nginx.error":              {Category: "webserver", Product: "nginx", Service: "nginx-error"},
	"apache.access":            {Category: "webserver", Product: "apache", Service: "apache"},
	"coraza.audit":             {Category: "webserver", Product: "modsecurity", Service: "coraza"},
	"coraza.waf":               {Category: "webserver", Product: "modsecurity", Service: "coraza"},
	"modsecurity.audit":        {Category: "webserver", Product: "modsecurity", Service: "modsecurity"},
	"postfix":                  {Category: "mail", Product: "linux", Service: "postfix"},
	"sshd":                     {Product: "linux", Service: "sshd"},
	"syslog":                   {Product: "linux", Service: "syslog"},
	"exchange.messagetracking": {Category: "mail", Product: "windows", Service: "exchange-messagetracking"},
	"exchange.httpproxy":       {Category: "webserver", Product: "windows", Service: "exchange-httpproxy"},
}

var (
	keyProduct  = event.Intern("product")
	keyCategory = event.Intern("category")
	keyService  = event.Intern("service")
)

// RouteEvent is a Route for [Options]: the logsource that the event names itself in
// product, category and service, else that of its dataset. An event.dataset which is
// none of ours is a service of its event.module, in the category that its event.category
// stands for. It reports false for an event of which nothing is known.
func RouteEvent(e *event.Event) (Logsource, bool) {
	l := Logsource{
		Product:  e.Get(keyProduct).Text(),
		Category: e.Get(keyCategory).Text(),
		Service:  e.Get(keyService).Text(),
	}
	if l.Product != "" || l.Category != "" {
		return l, true
	}
	if l.Service != "" { // also what many applications call themselves
		l.Category = categoryOf(e)
		return l, true
	}
	if l, ok := datasets[e.Dataset]; ok {
		if e.Dataset == "syslog" {
			l.Service = syslogService(e)
		}
		return l, true
	}
	if e.Dataset == "" {
		return l, false
	}
	return Logsource{Category: categoryOf(e), Product: e.Get(event.EventModule).Text(), Service: e.Dataset}, true
}

// categoryOf returns Sigma's word for the first event.category that has one; what says
// nothing of itself is an application.
func categoryOf(e *event.Event) string {
	for v := range e.Values(event.EventCategory) {
		switch v.Text() {
		case "authentication":
			return "authentication"
		case "web":
			return "webserver"
		case "email":
			return "mail"
		}
	}
	return "application"
}
