package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// logs writes what gateway, mail gateway and mail server say about the clients
// of the shop, and sends it the way such servers do: files over HTTP, mail and
// login lines over syslog by the system's own logger program.
type logs struct {
	server *server
	client *http.Client

	mu      sync.Mutex
	access  bytes.Buffer
	errors  bytes.Buffer
	track   bytes.Buffer
	syslog  []syslogLine
	mail    int
	refused int
}

type syslogLine struct{ tag, text string }

func newLogs(s *server) *logs {
	return &logs{server: s, client: &http.Client{Timeout: 10 * time.Second}}
}

// request writes the access line of the gateway in front of the node, in the
// form of nginx with times and upstream, and an error line where nginx would.
func (l *logs) request(s step, status int, size int64, start time.Time, took time.Duration, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	target := s.path
	fmt.Fprintf(&l.access, "%s - - [%s] \"%s %s HTTP/1.1\" %d %d \"-\" \"%s\" rt=%.3f uct=\"0.000\" uht=\"%.3f\" urt=\"%.3f\"\n",
		s.client, start.UTC().Format("02/Jan/2006:15:04:05 -0700"), s.method, target, status, size, s.agent,
		took.Seconds(), took.Seconds(), took.Seconds())
	if status == http.StatusNotFound {
		fmt.Fprintf(&l.errors, "%s [error] 2113#2113: *%d open() \"/usr/share/nginx/html%s\" failed (2: No such file or directory), client: %s, server: shop.example, request: \"%s %s HTTP/1.1\", host: \"shop.example\"\n",
			start.UTC().Format("2006/01/02 15:04:05"), len(id), strings.SplitN(target, "?", 2)[0], s.client, s.method, target)
	}
	if strings.HasPrefix(s.path, "/api/orders") && status < 300 {
		l.orderMail(s.client)
	}
}

// orderMail writes the lines of a confirmation mail: Postfix sends it, Exchange
// delivers a copy to the shop.
func (l *logs) orderMail(client string) {
	l.mail++
	id := fmt.Sprintf("4fR%06X", l.mail)
	l.syslog = append(l.syslog,
		syslogLine{"postfix/cleanup[811]", fmt.Sprintf("%s: message-id=<order-%d@shop.example>", id, l.mail)},
		syslogLine{"postfix/qmgr[402]", fmt.Sprintf("%s: from=<orders@shop.example>, size=%d, nrcpt=1 (queue active)", id, 2100+l.mail%700)},
		syslogLine{"postfix/smtp[915]", fmt.Sprintf("%s: to=<ann@customer.example>, relay=mx.customer.example[198.51.100.25]:25, delay=0.42, delays=0.03/0.01/0.2/0.18, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9F1)", id)},
	)
	fmt.Fprintf(&l.track, "%s,%s,shop-web,192.0.2.25,EX01,08D;250 2.0.0;ClientSubmitTime:,EX01\\Default,SMTP,RECEIVE,%d,<order-%d@shop.example>,,sales@shop.example,,%d,1,,,\"New order, please check\",orders@shop.example,orders@shop.example,,Incoming,,%s,192.0.2.25\n",
		time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), client, l.mail, l.mail, 2100+l.mail%700, client)
}

const trackingFields = "#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info,directionality,tenant-id,original-client-ip,original-server-ip\n"

// mailLogin writes that a client tried a password on the mail server.
func (l *logs) mailLogin(client, user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.syslog = append(l.syslog,
		syslogLine{"postfix/smtpd[733]", fmt.Sprintf("connect from unknown[%s]", client)},
		syslogLine{"postfix/smtpd[733]", fmt.Sprintf("warning: unknown[%s]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=%s@shop.example", client, user)},
		syslogLine{"postfix/smtpd[733]", fmt.Sprintf("disconnect from unknown[%s] ehlo=1 auth=0/1 quit=1 commands=2/3", client)},
		syslogLine{"sshd", fmt.Sprintf("Failed password for invalid user %s from %s port %d ssh2", user, client, 40000+len(l.syslog))},
	)
}

// flush sends what was written.
func (l *logs) flush() {
	l.mu.Lock()
	access, errs, track, lines := l.access.String(), l.errors.String(), l.track.String(), l.syslog
	l.access.Reset()
	l.errors.Reset()
	l.track.Reset()
	l.syslog = nil
	l.mu.Unlock()
	l.post("nginx.access", "gateway-1", access)
	l.post("nginx.error", "gateway-1", errs)
	if track != "" {
		l.post("exchange.messagetracking", "exchange-1", trackingFields+track)
	}
	for _, s := range lines {
		l.logger(s)
	}
}

func (l *logs) post(format, source, body string) {
	if body == "" {
		return
	}
	res, err := l.client.Post(l.server.ingest+"/raw/"+format+"?source="+url.QueryEscape(source), "text/plain", strings.NewReader(body))
	if err != nil {
		l.refused++
		return
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		l.refused++
	}
}

// logger sends a line with the logger program of util-linux, a real sender of
// syslog over TCP, and over UDP where it is asked to.
func (l *logs) logger(s syslogLine) {
	host, port, err := net.SplitHostPort(l.server.syslog)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	args := []string{"--server", host, "--port", port, "--tcp", "--rfc3164", "--priority", "mail.info", "--tag", s.tag, "--", s.text}
	if s.tag == "sshd" {
		args = []string{"--server", host, "--port", port, "--udp", "--rfc5424", "--priority", "authpriv.info", "--tag", "sshd", "--id=611", "--", s.text}
	}
	if err := exec.CommandContext(ctx, "logger", args...).Run(); err != nil {
		l.refused++
	}
}
