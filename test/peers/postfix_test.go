package peers

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/test/server"
)

// Mail to shop.example is delivered into a file; nobody may relay.
const postfixMain = `
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.gate.example
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = shop.example
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = static:box
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}
`

const postfixMaster = `
127.0.0.1:{port} inet n - n - - smtpd
pickup   unix n - n 60    1 pickup
cleanup  unix n - n -     0 cleanup
qmgr     unix n - n 300   1 qmgr
rewrite  unix - - n -     - trivial-rewrite
bounce   unix - - n -     0 bounce
defer    unix - - n -     0 bounce
trace    unix - - n -     0 bounce
flush    unix n - n 1000? 0 flush
proxymap unix - - n -     - proxymap
error    unix - - n -     - error
retry    unix - - n -     - error
virtual  unix - n n -     - virtual
anvil    unix - - n -     1 anvil
postlog  unix-dgram n - n - 1 postlogd
`

// startPostfix runs a Postfix of its own and returns its folder and address.
func startPostfix(t *testing.T) (dir, addr string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("Postfix needs root")
	}
	// The daemons run as other users, who must be able to enter the folder.
	dir, err := os.MkdirTemp("", "gatewatch-postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	owner := strings.Fields(command(t, "id", "-u", "postfix"))[0]
	uid, err := strconv.Atoi(owner)
	if err != nil {
		t.Fatal(err)
	}
	for folder, uid := range map[string]int{"conf": 0, "queue": 0, "data": uid, "mail": 65534} {
		path := filepath.Join(dir, folder)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	taken := freePort(t, "127.0.0.1")
	daemons := strings.TrimSpace(command(t, "postconf", "-d", "-h", "daemon_directory"))
	config := strings.NewReplacer("{dir}", dir, "{port}", taken, "{daemons}", daemons, "{commands}", filepath.Dir(program(t, "postconf")))
	conf := filepath.Join(dir, "conf")
	for name, text := range map[string]string{"main.cf": postfixMain, "master.cf": postfixMaster} {
		if err := os.Chmod(writeFile(t, conf, name, config.Replace(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "postfix", "-c", conf, "check")
	// With -d it stays in the foreground and in the process group of the test.
	p := startPeer(t, dir, filepath.Join(daemons, "master"), "-c", conf, "-d")
	addr = net.JoinHostPort("127.0.0.1", taken)
	p.awaitAddress(addr)
	return dir, addr
}

// command runs a program to its end and returns its output.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, args, err, out)
	}
	return string(out)
}

// smtp is a session with Postfix.
type smtp struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialSMTP(t *testing.T, addr string) *smtp {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(server.Patience))
	s := &smtp{t: t, conn: conn, in: bufio.NewReader(conn)}
	s.expect("220")
	return s
}

// say sends a command and expects a reply with this code, whose last line it
// returns.
func (s *smtp) say(code, format string, args ...any) string {
	s.t.Helper()
	if _, err := fmt.Fprintf(s.conn, format+"\r\n", args...); err != nil {
		s.t.Fatal(err)
	}
	return s.expect(code)
}

func (s *smtp) expect(code string) string {
	s.t.Helper()
	for {
		line, err := s.in.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, code) {
			s.t.Fatalf("Postfix said %q, %v, want %s", line, err, code)
		}
		if line[3] == ' ' {
			return strings.TrimSpace(line)
		}
	}
}

// sessions are the two of the test, and that which saw whether anybody listens.
const sessions = 3

// Text of a client that looks like what Postfix writes.
const (
	forgedSender = `"x> to=<y>, client=a[6.6.6.6]; from=<z"@evil.example`
	forgedHelo   = "evil[6.6.6.6]:"
)

func TestPostfix(t *testing.T) {
	t.Parallel()
	s := server.Start(t, t.TempDir())
	dir, addr := startPostfix(t)
	c := dialSMTP(t, addr)
	c.say("250", "EHLO mail.client.example")
	c.say("250", "MAIL FROM:<alice@client.example> SIZE=100")
	c.say("250", "RCPT TO:<bob@shop.example>")
	c.say("554", "RCPT TO:<carol@elsewhere.example>")
	c.say("354", "DATA")
	queued := c.say("250", "Message-ID: <m1@client.example>\r\nSubject: offer\r\n\r\nhello\r\n.")
	c.say("221", "QUIT")
	id := queued[strings.LastIndexByte(queued, ' ')+1:]
	h := dialSMTP(t, addr)
	h.say("250", "HELO %s", forgedHelo)
	h.say("250", "MAIL FROM:<%s>", forgedSender)
	h.say("554", "RCPT TO:<dave@elsewhere.example>")
	h.say("221", "QUIT")
	log := filepath.Join(dir, "mail.log")
	t.Cleanup(func() {
		if b, err := os.ReadFile(log); t.Failed() {
			t.Logf("mail.log: %v: %s", err, b)
		}
	})
	server.Poll(t, server.Patience, "the mail is delivered and the sessions have ended", func() bool {
		b, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(b), id+": removed") && strings.Count(string(b), "disconnect from") == sessions
	})
	if b, err := os.ReadFile(filepath.Join(dir, "mail", "box")); err != nil || !strings.Contains(string(b), "Subject: offer") {
		t.Fatalf("the mail was not delivered: %v: %s", err, b)
	}
	for _, format := range []string{"postfix", "auto"} {
		if _, errs, err := s.Run("ingest", "--format", format, "--source", format, log); err != nil {
			t.Fatalf("ingest mail.log: %v: %s", err, errs)
		}
		t.Run(format, func(t *testing.T) { checkMail(t, s, "gatewatch.source: "+format, id) })
	}
}

// checkMail compares what is found of a source with the two sessions.
func checkMail(t *testing.T, s *server.Server, source, id string) {
	s.Await(t, source+" and error.message: *", 0)
	one := func(query string, want fields) {
		t.Helper()
		all := s.Await(t, source+" and "+query, 1)
		want.with(fields{"event.dataset": "postfix", "host.name": "mx", "error.message": ""}).check(t, query, all[0])
	}
	mail := "email.local_id: " + id + " and event.action: "
	one(mail+"mail_client", fields{"source.ip": "127.0.0.1", "postfix.daemon": "smtpd", "process.name": "postfix/smtpd"})
	one(mail+"mail_received", fields{"email.message_id": "m1@client.example", "postfix.daemon": "cleanup"})
	one(mail+"mail_queued", fields{"email.from.address": "alice@client.example", "postfix.recipients": "1"})
	one(mail+"mail_delivery", fields{
		"email.to.address": "bob@shop.example", "postfix.relay": "virtual", "postfix.status": "sent", "postfix.dsn": "2.0.0",
		"event.outcome": "success", "event.reason": "delivered to mailbox",
	})
	one(mail+"mail_removed", fields{})
	denied := fields{
		"source.ip": "127.0.0.1", "postfix.reply_code": "554", "postfix.enhanced_status": "5.7.1", "event.outcome": "failure",
		"event.type": "denied", "postfix.stage": "RCPT",
	}
	one(mail+"mail_reject", denied.with(fields{
		"email.from.address": "alice@client.example", "email.to.address": "carol@elsewhere.example", "postfix.protocol": "ESMTP",
		"postfix.helo": "mail.client.example", "event.reason": "<carol@elsewhere.example>: Relay access denied",
	}))
	one("event.action: mail_reject and not email.local_id: *", denied.with(fields{
		"email.to.address": "dave@elsewhere.example", "postfix.protocol": "SMTP", "postfix.helo": forgedHelo,
		"related.ip": "127.0.0.1",
	}))
	one("event.action: smtp_disconnect and postfix.commands.ehlo: 1", fields{
		"source.ip": "127.0.0.1", "postfix.commands.rcpt": "2", "postfix.commands_failed.rcpt": "1", "postfix.commands.commands": "6",
	})
}
