package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue returns the PEM of a certificate and key for a name.
func (a *authority) issue(t *testing.T, name string, usage x509.ExtKeyUsage) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// handshake connects a client to a server and returns the name that the server
// showed, and what the server saw of the client.
func handshake(t *testing.T, server *tls.Config, client *tls.Config) (string, *tls.ConnectionState, error) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	type seen struct {
		state tls.ConnectionState
		err   error
	}
	served := make(chan seen, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			served <- seen{err: err}
			return
		}
		defer conn.Close()
		err = conn.(*tls.Conn).Handshake()
		served <- seen{conn.(*tls.Conn).ConnectionState(), err}
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err != nil {
		<-served
		return "", nil, err
	}
	defer conn.Close()
	got := <-served
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, &got.state, got.err
}

func TestServerTLSReloads(t *testing.T) {
	dir, c, ca := t.TempDir(), newClock(), newAuthority(t)
	files := TLSFiles{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key"), ClientCA: filepath.Join(dir, "ca")}
	install := func(name string) {
		t.Helper()
		cert, key := ca.issue(t, name, x509.ExtKeyUsageServerAuth)
		write(t, files.Cert, cert)
		write(t, files.Key, key)
	}
	install("one.example")
	write(t, files.ClientCA, ca.pem())
	server, err := ServerTLS(files, c.now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	serves := func(want string) {
		t.Helper()
		name, _, err := handshake(t, server, &tls.Config{RootCAs: roots, ServerName: want})
		if err != nil || name != want {
			t.Errorf("server shows %q, %v, want %q", name, err, want)
		}
	}
	serves("one.example")
	install("two.example")
	serves("one.example") // not looked at again within the second
	c.advance(checkEvery)
	serves("two.example")

	write(t, files.Cert, []byte("half a file"))
	c.advance(checkEvery)
	serves("two.example")
	install("three.example")
	if err := os.Chmod(files.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	c.advance(checkEvery)
	serves("two.example") // a key that everyone can read is not taken
	if err := os.Chmod(files.Key, 0o640); err != nil {
		t.Fatal(err)
	}
	c.advance(checkEvery)
	serves("three.example")

	old := &tls.Config{RootCAs: roots, ServerName: "three.example", MaxVersion: tls.VersionTLS11}
	if _, _, err := handshake(t, server, old); err == nil {
		t.Error("tls 1.1 is served")
	}
}

func TestClientCertificates(t *testing.T) {
	dir, c, ca := t.TempDir(), newClock(), newAuthority(t)
	files := TLSFiles{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key"), ClientCA: filepath.Join(dir, "ca")}
	cert, key := ca.issue(t, "siem.example", x509.ExtKeyUsageServerAuth)
	write(t, files.Cert, cert)
	write(t, files.Key, key)
	write(t, files.ClientCA, ca.pem())
	server, err := ServerTLS(files, c.now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	tokens := openTokens(t, dir, c)
	_, other, err := tokens.Create(Grant{Kind: KindSource, Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	gate := NewGate(tokens, NewFailures(c.now), false, slog.New(slog.DiscardHandler))

	connect := func(from *authority, usage x509.ExtKeyUsage) (*tls.ConnectionState, error) {
		cert, key := from.issue(t, "waf-1", usage)
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		config := &tls.Config{RootCAs: roots, ServerName: "siem.example"}
		// Sent whatever authorities the server asks for.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		_, state, err := handshake(t, server, config)
		return state, err
	}
	state, err := connect(ca, x509.ExtKeyUsageClientAuth)
	if err != nil {
		t.Fatal(err)
	}
	if sender, err := gate.Sender(t.Context(), "", nil, state); err != nil || sender.Name != "waf-1" {
		t.Errorf("sender with a certificate: %q, %v", sender.Name, err)
	}
	if _, err := gate.Sender(t.Context(), other, nil, state); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("certificate with another one's token: %v", err)
	}
	if _, err := gate.Admit("/gatewatch.v1.SearchService/Search", Caller{TLS: state}); !errors.Is(err, ErrForbidden) {
		t.Errorf("search with a certificate: %v", err)
	}
	if _, err := connect(newAuthority(t), x509.ExtKeyUsageClientAuth); err == nil {
		t.Error("a certificate of another authority passes")
	}
	if _, err := connect(ca, x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("a server's certificate passes as a client's")
	}
}

func TestCertificateName(t *testing.T) {
	f := func(cert x509.Certificate, want, wantErr string) {
		t.Helper()
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{&cert}, VerifiedChains: [][]*x509.Certificate{{&cert}}}
		got, err := CertificateName(state)
		if got != want || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%q %q: %q, %v, want %q, %q", cert.Subject.CommonName, cert.DNSNames, got, err, want, wantErr)
		}
	}
	cn := func(s string) pkix.Name { return pkix.Name{CommonName: s} }
	f(x509.Certificate{Subject: cn("waf-1")}, "waf-1", "")
	f(x509.Certificate{DNSNames: []string{"waf-1"}}, "waf-1", "")
	f(x509.Certificate{Subject: cn("waf-1"), DNSNames: []string{"waf-1"}}, "waf-1", "")
	f(x509.Certificate{Subject: cn("waf-1"), DNSNames: []string{"waf-2"}}, "", "two names")
	f(x509.Certificate{Subject: cn("waf-1"), DNSNames: []string{"waf-1", "waf-2"}}, "", "more names")
	f(x509.Certificate{Subject: cn("waf-1"), IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}}, "", "more names")
	f(x509.Certificate{Subject: cn("waf-1"), URIs: []*url.URL{{Scheme: "spiffe"}}}, "", "more names")
	f(x509.Certificate{Subject: cn("")}, "", "1 to 128")
	f(x509.Certificate{Subject: cn("a/../b")}, "", "must have only")
	unverified := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: cn("waf-1")}}}
	if _, err := CertificateName(unverified); err == nil {
		t.Error("an unverified certificate gives a name")
	}
}
