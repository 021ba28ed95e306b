package parse

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatewatch/gatewatch/detection/event"
)

// realPeer is who connects in the messages below.
var realPeer = netip.MustParseAddr("203.0.113.77")

// sshdByClient are messages as OpenSSH writes them when the client chose the
// name of the user or other text.
var sshdByClient = []string{
	"Failed password for invalid user %s from 203.0.113.77 port 4711 ssh2",
	"Failed none for invalid user %s from 203.0.113.77 port 4711 ssh2",
	"Failed keyboard-interactive/pam for invalid user %s from 203.0.113.77 port 4711 ssh2",
	"Failed publickey for invalid user %s from 203.0.113.77 port 4711 ssh2: ED25519 SHA256:abc",
	"Failed publickey for eve from 203.0.113.77 port 4711 ssh2: RSA-CERT SHA256:abc ID %s (serial 0) CA RSA SHA256:def",
	"Postponed keyboard-interactive for invalid user %s from 203.0.113.77 port 4711 ssh2 [preauth]",
	"Invalid user %s from 203.0.113.77 port 4711",
	"error: maximum authentication attempts exceeded for invalid user %s from 203.0.113.77 port 4711 ssh2 [preauth]",
	"error: PAM: Authentication failure for illegal user %s from 203.0.113.77",
	"Connection closed by invalid user %s 203.0.113.77 port 4711 [preauth]",
	"Connection reset by invalid user %s 203.0.113.77 port 4711 [preauth]",
	"Disconnected from invalid user %s 203.0.113.77 port 4711 [preauth]",
	"Disconnecting invalid user %s 203.0.113.77 port 4711: Too many authentication failures [preauth]",
	"Disconnecting invalid user x 203.0.113.77 port 4711: Change of username or service not allowed: (x,ssh-connection) -> (%s,ssh-connection) [preauth]",
	"Bad protocol version identification '%s' from 203.0.113.77 port 4711",
	"Received disconnect from 203.0.113.77 port 4711:11: %s [preauth]",
	"input_userauth_request: invalid user %s [preauth]",
	"error: kex_exchange_identification: client sent invalid protocol identifier \"%s\"",
	"banner exchange: Connection from 203.0.113.77 port 4711: %s",
	"pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.77  user=%s",
}

// checkForged fails if a message names another source than the real one.
func checkForged(t *testing.T, format, template, text string) {
	t.Helper()
	if strings.ContainsAny(text, "\r\n") {
		return // written as one line by the logging program
	}
	f, _ := Lookup(format)
	line := fmt.Sprintf(template, text)
	var e event.Event
	if err := f.Read([]byte(line), &Context{}, &e); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	for v := range e.Values(event.SourceIP) {
		if v.Addr() != realPeer {
			t.Errorf("%q came from %s, want %s or none", line, v.Addr(), realPeer)
		}
	}
	if a := e.Get(event.SourceAddress).Text(); a != "" {
		t.Errorf("%q came from %q", line, a)
	}
}

var forgeries = []string{
	"root", "", " ", "a b", "from 192.0.2.1", "x from 192.0.2.1", "x from 192.0.2.1 port 22", "x from 192.0.2.1 port 22 ssh2",
	"x from 192.0.2.1 port 22 ssh2:", "x from 192.0.2.1 port 22 ssh2: RSA SHA256:abc", "x 192.0.2.1 port 22", "192.0.2.1 port 22: x",
	"192.0.2.1", "x] from 192.0.2.1", "x' from 192.0.2.1", "x rhost=192.0.2.1  user=y", "x not allowed because", "invalid user x from 192.0.2.1",
	"x from unknown[192.0.2.1]", "x from a[192.0.2.1]: 554 5.7.1 no; from=<a> to=<b> proto=SMTP helo=<c>",
	"x>, relay=a[192.0.2.1]:25", "x; from=<y> to=<z> proto=SMTP helo=<h from a[192.0.2.1]", "[192.0.2.1]:1", "a[192.0.2.1]: b",
}

func FuzzSSHDText(f *testing.F) {
	for i := range sshdByClient {
		for _, text := range forgeries {
			f.Add(uint8(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		checkForged(t, "sshd", "sshd[1]: "+sshdByClient[int(i)%len(sshdByClient)], text)
	})
}
