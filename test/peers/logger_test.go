package peers

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// TestLogger sends one message each by logger of util-linux and finds all that
// it was told.
func TestLogger(t *testing.T) {
	t.Parallel()
	s := server.Start(t, t.TempDir())
	const text = "paid 3 € \\ \"quoted\" %s 'x' 中 a=b [c] <d>"
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(host, ".")
	usual := fields{
		"message": text, "error.message": "", "log.source.address": "127.0.0.1", "gatewatch.source": "syslog",
		"log.syslog.facility.name": "local3", "log.syslog.severity.name": "warning",
	}
	bsd := usual.with(fields{"host.name": short, "log.syslog.version": "", "process.pid": "4711"})
	ietf := usual.with(fields{"host.name": host, "log.syslog.version": "1"})
	data := ietf.with(fields{
		"process.pid": "4711", "log.syslog.msgid": "ID47", "log.syslog.structured_data.zoo@123.tiger": `hungry "now" ] \`,
		"log.syslog.structured_data.zoo@123.zebra": "running", "log.syslog.structured_data.manager@123.onMeeting": "yes",
	})
	structured := []string{
		"--rfc5424", "--id=4711", "--msgid", "ID47", "--sd-id", "zoo@123", "--sd-param", `tiger="hungry \"now\" \] \\"`,
		"--sd-param", `zebra="running"`, "--sd-id", "manager@123", "--sd-param", `onMeeting="yes"`,
	}
	f := func(tag string, want fields, options ...string) {
		t.Helper()
		logger(t, s, tag, append(options, "--", want["message"])...)
		e := s.Await(t, "process.name: "+tag, 1)[0]
		want.check(t, tag, e)
		if at, err := time.Parse(time.RFC3339, e.Text("@timestamp")); err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("%s: @timestamp is %s, %v", tag, e.Text("@timestamp"), err)
		}
	}
	f("bsd-udp", bsd, "--udp", "--rfc3164", "--id=4711")
	f("bsd-tcp", bsd, "--tcp", "--rfc3164", "--id=4711")
	f("bsd-octets", bsd, "--tcp", "--octet-count", "--rfc3164", "--id=4711")
	f("ietf-udp", data, append([]string{"--udp"}, structured...)...)
	f("ietf-tcp", data, append([]string{"--tcp"}, structured...)...)
	f("ietf-octets", data, append([]string{"--tcp", "--octet-count"}, structured...)...)
	f("ietf-bare", ietf.with(fields{"host.name": ""}), "--udp", "--rfc5424=notq,notime,nohost")
	f("postfix/smtpd", bsd.with(fields{
		"message": "connect from unknown[203.0.113.9]", "source.ip": "203.0.113.9", "event.action": "smtp_connect", "event.dataset": "postfix",
	}), "--tcp", "--rfc3164", "--id=4711")
}

// TestLoggerLines sends the lines of a file over one connection.
func TestLoggerLines(t *testing.T) {
	t.Parallel()
	s := server.Start(t, t.TempDir())
	lines := []string{"first", strings.Repeat("long ", 3000), "\t last with é"}
	file := writeFile(t, t.TempDir(), "lines", strings.Join(lines, "\n")+"\n")
	for _, framing := range []string{"--octet-count", "--rfc3164"} {
		tag := "lines" + framing
		logger(t, s, tag, "--tcp", framing, "--size", "64KiB", "--file", file)
		for i, e := range s.Await(t, "process.name: "+tag, len(lines)) {
			fields{"message": lines[i], "error.message": ""}.check(t, tag, e)
		}
	}
}

func logger(t *testing.T, s *server.Server, tag string, args ...string) {
	t.Helper()
	args = append([]string{"--server", "127.0.0.1", "--port", port(t, s.Addr.Syslog), "--priority", "local3.warning", "--tag", tag}, args...)
	cmd := exec.Command(program(t, "logger"), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("logger %s: %v: %s", args, err, stderr.String())
	}
}
