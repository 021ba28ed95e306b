package sigma

import (
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/google/go-cmp/cmp"
)

// routes returns the logsources of an event as category/product/service.
func routes(e *event.Event) (list []string) {
	for _, l := range RouteEvent(nil, e) {
		list = append(list, l.Category+"/"+l.Product+"/"+l.Service)
	}
	return list
}

func TestRouteEvent(t *testing.T) {
	f := func(dataset, fields string, want ...string) {
		t.Helper()
		e := fieldsOf(fields)
		e.Dataset = dataset
		if diff := cmp.Diff(want, routes(e)); diff != "" {
			t.Errorf("%s %s: %s", dataset, fields, diff)
		}
	}
	f("", "")
	f("", "product=windows", "/windows/")
	f("sshd", "category=c service=s", "c//s")
	f("", "service=shop", "application//shop")
	f("shop.log", "event.module=shop", "application/shop/shop.log")
	f("shop.log", "event.category=iam event.category=web event.category=email event.category=web", "webserver//shop.log", "mail//shop.log")
	f("nginx.access", "", "webserver/nginx/nginx")
	f("nginx.error", "", "webserver/nginx/nginx-error", "/nginx/nginx")
	f("coraza.waf", "", "webserver/modsecurity/coraza", "waf/modsecurity/modsecurity")
	f("modsecurity.audit", "", "webserver/modsecurity/modsecurity", "waf/modsecurity/modsecurity")
	f("sshd", "", "/linux/sshd", "/linux/auth")

	f("syslog", "", "/linux/syslog")
	f("syslog", "process.name=CRON", "/linux/cron", "/linux/syslog")
	f("syslog", "process.name=/usr/bin/sudo log.syslog.facility.name=authpriv", "/linux/sudo", "/linux/auth")
	f("syslog", "process.name=pop(pam_unix) log.syslog.facility.name=authpriv", "/linux/auth")
	f("syslog", "process.name=su(pam_unix)", "/linux/auth")
	f("syslog", "process.name=sshd", "/linux/sshd", "/linux/auth")
	f("syslog", "process.name=kernel log.syslog.facility.name=kern", "/linux/syslog")
}

// TestRouteOnce holds that an event of several logsources meets a rule once, and
// without memory.
func TestRouteOnce(t *testing.T) {
	var text strings.Builder
	for _, l := range []string{"product: linux", "service: auth", "service: sshd", "product: linux, service: syslog"} {
		text.WriteString("---\ntitle: '" + l + "'\nlogsource: {" + l + "}\ndetection: {s: {F: x}, condition: s}\n")
	}
	m := compileText(t, text.String(), Options{Route: RouteEvent}).NewMatcher()
	e := fieldsOf("F=x")
	e.Dataset = "sshd"
	var titles []string
	matches := m.Match(nil, e)
	for _, x := range matches {
		titles = append(titles, x.Rule.Title)
	}
	if diff := cmp.Diff([]string{"product: linux", "service: auth", "service: sshd"}, titles); diff != "" {
		t.Error(diff)
	}
	if n := testing.AllocsPerRun(100, func() { matches = m.Match(matches[:0], e) }); n != 0 {
		t.Errorf("%v allocations for each event", n)
	}
}
