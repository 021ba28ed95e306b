package sigma

import "testing"

func TestRouteSyslog(t *testing.T) {
	f := func(fields, want string) {
		t.Helper()
		e := fieldsOf(fields)
		e.Dataset = "syslog"
		if l, ok := RouteEvent(e); !ok || l != (Logsource{Product: "linux", Service: want}) {
			t.Errorf("%s: %+v", fields, l)
		}
	}
	f("", "syslog")
	f("process.name=CRON", "cron")
	f("process.name=/usr/bin/sudo log.syslog.facility.name=authpriv", "sudo")
	f("process.name=pop(pam_unix) log.syslog.facility.name=authpriv", "auth")
	f("process.name=su(pam_unix)", "auth")
	f("process.name=kernel log.syslog.facility.name=kern", "syslog")
}
