package access

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Listener is what the configuration says of one address.
type Listener struct {
	Name     string // of the listener: the NAME of its key listen.NAME
	Address  string // host:port
	TLS      TLSFiles
	Insecure bool // key insecure: plain text to the network is wanted
}

// Exposure is what follows from the address of a listener.
type Exposure struct {
	Loopback bool // only this machine reaches it: inputs need no token, HTTP checks Host
	TLS      bool // it must serve TLS
}

// Check decides how a listener may be served. An address that others can reach
// needs a certificate, or the explicit wish to do without; the error names the
// key to set. A loopback address is served without TLS.
func (l Listener) Check() (Exposure, error) {
	key := "listen." + l.Name
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		return Exposure{}, fmt.Errorf("%s: %q is not host:port, such as 127.0.0.1:8080", key, l.Address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return Exposure{}, fmt.Errorf("%s: port %q is not a number from 0 to 65535", key, port)
	}
	if err := l.TLS.check(); err != nil {
		return Exposure{}, err
	}
	switch {
	case loopbackHost(host):
		return Exposure{Loopback: true}, nil
	case l.TLS.Set():
		return Exposure{TLS: true}, nil
	case l.Insecure:
		return Exposure{}, nil
	}
	return Exposure{}, fmt.Errorf("%s: %s can be reached from the network: set tls.cert and tls.key, or insecure: true to send secrets and logs in plain text", key, l.Address)
}

// loopbackHost tells whether only this machine reaches a host. Of names, only
// localhost is believed.
func loopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
