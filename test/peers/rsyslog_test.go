package peers

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// What comes in over TCP is forwarded by one action; what rsyslog says itself is
// not.
const rsyslogConfig = `
global(workDirectory="{dir}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off" net.enableDNS="off" {global})
module(load="imtcp" streamDriver.name="ptcp")
{module}
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="{dir}/port")
{template}
if $inputname == "imtcp" then {
	action({action})
}
`

// forward is one way in which rsyslog passes messages on.
type forward struct {
	name                             string
	global, module, template, action string
	data                             bool // structured data arrive
	nested                           bool // a line break within a message arrives
	long                             bool // messages over the size of a datagram arrive
}

const omfwd = `type="omfwd" target="127.0.0.1" port="{port}" `

var forwards = []forward{
	{name: "tcp-octets-5424", data: true, nested: true, long: true, action: omfwd + `protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"`},
	{name: "tcp-octets-3164", nested: true, long: true, action: omfwd + `protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_ForwardFormat"`},
	{name: "tcp-lines-5424", data: true, long: true, action: omfwd + `protocol="tcp" template="RSYSLOG_SyslogProtocol23Format"`},
	{name: "tcp-lines-3164", long: true, action: omfwd + `protocol="tcp" template="RSYSLOG_TraditionalForwardFormat"`},
	{name: "udp-5424", data: true, nested: true, action: omfwd + `protocol="udp" template="RSYSLOG_SyslogProtocol23Format"`},
	{name: "udp-3164", nested: true, action: omfwd + `protocol="udp" template="RSYSLOG_TraditionalForwardFormat"`},
}

// startRsyslog runs rsyslog with one way to forward and returns the address at
// which it takes messages.
func startRsyslog(t *testing.T, f forward, replace ...string) string {
	t.Helper()
	dir := t.TempDir()
	config := strings.NewReplacer("{global}", f.global, "{module}", f.module, "{template}", f.template, "{action}", f.action).Replace(rsyslogConfig)
	config = strings.NewReplacer(append(replace, "{dir}", dir)...).Replace(config)
	p := startPeer(t, dir, "rsyslogd", "-n", "-i", filepath.Join(dir, "pid"), "-f", writeFile(t, dir, "rsyslog.conf", config))
	var taken string
	p.await("rsyslog has written its port", func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "port"))
		taken = strings.TrimSpace(string(b))
		return err == nil && taken != ""
	})
	return net.JoinHostPort("127.0.0.1", taken)
}

// said is a message of a program and what must be found of it.
type said struct {
	head5424, head3164 string
	text               string
	want               fields
	data               fields // of structured data
	nested, long       bool
}

// raw returns the message in the form of RFC 5424 or RFC 3164.
func (m said) raw(is5424 bool) string {
	if is5424 && m.head5424 != "" {
		return m.head5424 + m.text
	}
	return m.head3164 + m.text
}

// messages returns what is sent through rsyslog, in the name of a host.
func messages(host string) []said {
	now := time.Now().UTC().Truncate(time.Second)
	new, old := "1 "+now.Format("2006-01-02T15:04:05Z")+" "+host+" ", now.Format(time.Stamp)+" "+host+" "
	say := func(program, text string) said {
		return said{
			head5424: "<13>" + new + program + " - - - ", head3164: "<13>" + old + program + ": ", text: text,
			want: fields{"process.name": program, "message": string([]rune(text)), "log.syslog.severity.name": "notice", "event.dataset": "syslog"},
		}
	}
	all := []said{
		{
			head5424: "<165>" + new + `shop 777 ID47 [ex@32473 iut="3" note="a \"b\" \\ \] c"][x y="z"] `, head3164: "<165>" + old + "shop[777]: ",
			text: "paid 3 € \xe4\xb8\xad",
			want: fields{
				"process.name": "shop", "process.pid": "777", "message": "paid 3 € 中", "event.dataset": "syslog",
				"log.syslog.facility.name": "local4", "log.syslog.severity.name": "notice",
			},
			data: fields{
				"log.syslog.msgid": "ID47", "log.syslog.structured_data.ex@32473.iut": "3",
				"log.syslog.structured_data.ex@32473.note": `a "b" \ ] c`, "log.syslog.structured_data.x.y": "z",
			},
		},
		{
			head3164: "<38>" + old + "sshd[4711]: ", text: "Failed password for invalid user admin from 203.0.113.9 port 40022 ssh2",
			want: fields{
				"event.dataset": "sshd", "source.ip": "203.0.113.9", "source.port": "40022", "user.name": "admin", "process.name": "sshd",
				"process.pid": "4711", "event.outcome": "failure", "log.syslog.facility.name": "auth", "log.syslog.severity.name": "informational",
			},
		},
		say("app", "\x1b]0;x\x07 \x1b[31m %s%n \"quoted\" \\ \t\xff\xc3( [01/Jan/2020] <0>"),
		say("long", strings.Repeat("0123456789abcdef", 2000)),
		say("nested", "first\n<0>Nov 21 08:30:00 victim su: second"),
	}
	all[3].long, all[4].nested = true, true
	for i := range all {
		all[i].want = all[i].want.with(fields{
			"host.name": host, "@timestamp": now.Format("2006-01-02T15:04:05.000Z"), "error.message": "", "log.source.address": "127.0.0.1",
		})
	}
	return all
}

// send sends the messages that a way can carry and returns them.
func (f forward) send(t *testing.T, addr, host string) []said {
	t.Helper()
	var sent []said
	var stream strings.Builder
	for _, m := range messages(host) {
		if m.long && !f.long || m.nested && !f.nested {
			continue
		}
		sent = append(sent, m)
		raw := m.raw(f.data)
		fmt.Fprintf(&stream, "%d %s", len(raw), raw)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, stream.String()); err != nil {
		t.Fatal(err)
	}
	return sent
}

func TestRsyslog(t *testing.T) {
	t.Parallel()
	s := server.Start(t, t.TempDir())
	for _, f := range forwards {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			addr := startRsyslog(t, f, "{port}", port(t, s.Addr.Syslog))
			sent := f.send(t, addr, f.name)
			f.check(t, sent, s.Await(t, "gatewatch.source: syslog and host.name: "+f.name, len(sent)))
		})
	}
}

func (f forward) check(t *testing.T, sent []said, events []server.Event) {
	t.Helper()
	for i, m := range sent {
		m.want.check(t, "message of "+m.want["process.name"], events[i])
		if f.data {
			m.data.check(t, "structured data", events[i])
		}
	}
}

// TestRsyslogTLS sends with a client certificate, whose name is the source, and
// with one of somebody else, which must not get in.
func TestRsyslogTLS(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	a.name("gatewatch.example")
	a.name("edge-7")
	stranger.name("edge-7")
	s := server.Start(t, t.TempDir(), "--listen.syslog-tls", "127.0.0.1:0", "--tls.cert", a.path("gatewatch.example.pem"),
		"--tls.key", a.path("gatewatch.example.key"), "--tls.client_ca", a.path("ca.pem"))
	f := forward{
		data: true, nested: true, long: true,
		global: `defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{cert}.pem" defaultNetstreamDriverKeyFile="{cert}.key"`,
		action: omfwd + `protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format" streamDriver="ossl" streamDriverMode="1"
			streamDriverAuthMode="x509/name" streamDriverPermittedPeers="gatewatch.example"`,
	}
	start := func(client *authority) string {
		return startRsyslog(t, f, "{ca}", a.path("ca.pem"), "{cert}", client.path("edge-7"), "{port}", port(t, s.Addr.SyslogTLS))
	}
	sent := f.send(t, start(a), "host-7")
	f.check(t, sent, s.Await(t, "gatewatch.source: edge-7 and host.name: host-7", len(sent)))
	f.send(t, start(stranger), "host-8")
	const refused = `gatewatch_ingest_refused_records_total{reason="unauthorized",source="syslog"}`
	server.Poll(t, server.Patience, "the stranger is refused", func() bool { return s.Metrics(t)[refused] > 0 })
	s.Await(t, "host.name: host-8", 0)
}

// TestRsyslogElasticsearch sends to the bulk input, with ids of its own.
func TestRsyslogElasticsearch(t *testing.T) {
	t.Parallel()
	s := server.Start(t, t.TempDir())
	f := forward{
		data: true, nested: true, long: true, module: `module(load="omelasticsearch")`,
		template: `template(name="doc" type="list" option.jsonf="on") {
			property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
			property(outname="host.name" name="hostname" format="jsonf")
			property(outname="process.name" name="app-name" format="jsonf")
			property(outname="log.syslog.severity.name" name="syslogseverity-text" format="jsonf")
			property(outname="message" name="msg" format="jsonf")
		}
		template(name="id" type="string" string="%hostname%-%uuid%")`,
		action: `type="omelasticsearch" server="127.0.0.1" serverport="{port}" searchIndex="rsyslog" searchType="" bulkmode="on"
			template="doc" bulkid="id" dynbulkid="on" writeoperation="create" errorFile="{dir}/errors.json" retryfailures="off"`,
	}
	addr := startRsyslog(t, f, "{port}", port(t, s.Addr.Ingest))
	sent := f.send(t, addr, "host-9")
	events := s.Await(t, `gatewatch.source: "bulk:rsyslog"`, len(sent))
	byMessage := map[string]server.Event{}
	for _, e := range events {
		byMessage[strings.TrimPrefix(e.Text("message"), " ")] = e // behind the tag of RFC 3164
	}
	for _, m := range sent {
		e := byMessage[string([]rune(m.text))]
		fields{"host.name": "host-9", "@timestamp": m.want["@timestamp"], "process.name": m.want["process.name"], "error.message": ""}.check(t, "document", e)
	}
}
