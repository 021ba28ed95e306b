package sigma

import (
	"path"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// syslogServices says of which service of product linux the messages of a program
// are, where that is not syslog.
var syslogServices = map[string]string{
	"sshd": "sshd", "sshd-session": "sshd", "sshd-auth": "sshd",
	"su": "auth", "login": "auth", "polkitd": "auth", "pkexec": "auth", "systemd-logind": "auth",
	"gdm-password": "auth", "passwd": "auth", "useradd": "auth", "usermod": "auth", "groupadd": "auth",
	"sudo": "sudo",
	"cron": "cron", "crond": "cron", "anacron": "cron", "crontab": "cron",
	"vsftpd": "vsftpd",
	"clamd":  "clamav", "freshclam": "clamav",
	"guacd":  "guacamole",
	"auditd": "auditd", "audispd": "auditd",
}

// syslogService returns the service of a message that came by syslog, which is
// that of its program, and the log in which it is written: auth for what is about
// authentication, else syslog.
func syslogService(e *event.Event) (service, log string) {
	program := strings.ToLower(path.Base(e.Get(event.ProcessName).Text()))
	program, _, _ = strings.Cut(program, "(") // pop(pam_unix)
	service, known := syslogServices[program]
	log = "syslog"
	switch e.Get(event.SyslogFacilityName).Text() {
	case "auth", "authpriv":
		log = "auth"
	}
	switch service {
	case "auth", "sshd", "sudo":
		log = "auth"
	}
	if !known {
		service = log
	}
	return service, log
}
