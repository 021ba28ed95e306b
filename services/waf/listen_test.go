package waf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/gatewatch/gatewatch/services/access"
)

// certificate writes a self-signed one and returns its files and its pool.
func certificate(t *testing.T) (access.TLSFiles, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop.example"}, DNSNames: []string{"shop.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := access.TLSFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for name, b := range map[string]*pem.Block{
		files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return files, pool
}

func TestTLSWithHTTP2(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	files, pool := certificate(t)
	c.TLS = files
	n := startNode(t, c)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "shop.example"}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequest("GET", "https://"+n.Address().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "shop.example"
	resp := do(t, tr, r)
	e := n.event(t)
	got := fmt.Sprintln(resp.ProtoMajor, resp.StatusCode, e["http.version"], e["url.scheme"], e["tls.version"], e["tls.version_protocol"], e["tls.client.server_name"])
	if got != "2 200 2 https 1.3 tls shop.example\n" {
		t.Error(got)
	}
}

func TestProxyProtocol(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.ProxyProtocol, c.TrustedProxies = true, []string{"127.0.0.1"}
	n := startNode(t, c)
	client := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("198.51.100.7:4711"))
	f := func(version byte, forwarded, wantClient string, wantPort any) {
		t.Helper()
		conn, err := net.Dial("tcp", n.Address().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		header := proxyproto.HeaderProxyFromAddrs(version, client, net.TCPAddrFromAddrPort(netip.MustParseAddrPort("203.0.113.9:80")))
		if _, err := header.WriteTo(conn); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: %s\r\nConnection: close\r\n\r\n", forwarded)
		e := n.event(t)
		got := fmt.Sprint(e["source.ip"], e["client.ip"], e["client.port"], e["server.ip"])
		if want := fmt.Sprint("127.0.0.1", wantClient, wantPort, "203.0.113.9"); got != want {
			t.Errorf("version %d: %s, want %s", version, got, want)
		}
	}
	// Who speaks HTTP is not trusted, so its X-Forwarded-For is not believed.
	f(1, "192.0.2.1", "198.51.100.7", 4711.0)
	f(2, "192.0.2.1", "198.51.100.7", 4711.0)
	if line := raw(t, n.Address().String(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); strings.Contains(line, "200") {
		t.Errorf("a connection without the header was served: %q", line)
	}
}

func TestProxyProtocolFromStranger(t *testing.T) {
	c := testConfig(t, echo(t).URL)
	c.ProxyProtocol, c.TrustedProxies = true, []string{"192.0.2.1"}
	n := startNode(t, c)
	line := raw(t, n.Address().String(), "PROXY TCP4 198.51.100.7 203.0.113.9 1 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if strings.HasPrefix(line, "HTTP/1.1 200") {
		t.Errorf("a stranger's header was believed: %q", line)
	}
}
