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

// syslogService returns the service of a message that came by syslog: that of its
// program, else auth for the facilities of authentication, else syslog.
func syslogService(e *event.Event) string {
	program := strings.ToLower(path.Base(e.Get(event.ProcessName).Text()))
	program, _, _ = strings.Cut(program, "(") // pop(pam_unix)
	if s, ok := syslogServices[program]; ok {
		return s
	}
	switch e.Get(event.SyslogFacilityName).Text() {
	case "auth", "authpriv":
		return "auth"
	}
	return "syslog"
}
