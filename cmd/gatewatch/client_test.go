package main

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlainRequestToTLS asks a server with TLS without.
func TestPlainRequestToTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	r := &remote{server: strings.Replace(s.URL, "https:", "http:", 1)}
	if err := r.connect(); err != nil {
		t.Fatal(err)
	}
	err := r.call(t.Context(), http.MethodGet, "/api/v1/tokens", nil, nil)
	if want := r.server + " speaks TLS: use " + s.URL; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestRESTOnGRPCWithTLS recognises an answer of gRPC over HTTP/2.
func TestRESTOnGRPCWithTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.WriteHeader(http.StatusUnsupportedMediaType)
	}))
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeCertificate(t, ca, s.Certificate())
	r := &remote{server: s.URL, ca: ca}
	if err := r.connect(); err != nil {
		t.Fatal(err)
	}
	err := r.call(t.Context(), http.MethodGet, "/api/v1/tokens", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "is the gRPC port") {
		t.Error(err)
	}
}

func writeCertificate(t *testing.T, path string, cert *x509.Certificate) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}
