package access

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// TLSFiles names the PEM files of a server. All are read again when they change.
type TLSFiles struct {
	Cert     string `help:"file of the certificate chain, the server's own first"`
	Key      string `help:"file of its private key, not readable by everyone"`
	ClientCA string `help:"file of the authorities of client certificates; none if empty"`
}

// Set tells whether there is a certificate to serve with.
func (f TLSFiles) Set() bool { return f.Cert != "" && f.Key != "" }

// check names the key that is missing.
func (f TLSFiles) check() error {
	switch {
	case (f.Cert == "") != (f.Key == ""):
		if f.Cert == "" {
			return errors.New("tls.cert: is not set, but tls.key is")
		}
		return errors.New("tls.key: is not set, but tls.cert is")
	case f.ClientCA != "" && f.Cert == "":
		return errors.New("tls.client_ca: needs tls.cert and tls.key")
	}
	return nil
}

// checkEvery is how often the files are looked at, at most.
const checkEvery = time.Second

// ServerTLS returns a configuration for listeners: TLS 1.2 or later, client
// certificates verified where ClientCA is set and one is sent. A handshake that
// comes a second or more after the last look at the files uses their newest
// content. New files that cannot be used are logged, and the old ones stay. The
// protocols are those for ALPN, the default is h2 and http/1.1.
func ServerTLS(files TLSFiles, now func() time.Time, log *slog.Logger, protocols ...string) (*tls.Config, error) {
	if err := files.check(); err != nil {
		return nil, err
	}
	if !files.Set() {
		return nil, errors.New("tls.cert: is not set")
	}
	if len(protocols) == 0 {
		protocols = []string{"h2", "http/1.1"}
	}
	r := &reloader{files: files, now: now, log: log, protocols: protocols}
	if err := r.load(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return r.current(), nil
		},
	}, nil
}

// reloader keeps the configuration that the files give.
type reloader struct {
	files     TLSFiles
	now       func() time.Time
	log       *slog.Logger
	protocols []string

	mu     sync.Mutex
	config *tls.Config
	looked time.Time
	seen   []stamp // of the files when they were read last, good or bad
}

// stamp tells one version of a file from another.
type stamp struct {
	info fs.FileInfo
	err  string
}

func (r *reloader) current() *tls.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if since := now.Sub(r.looked); since >= 0 && since < checkEvery {
		return r.config
	}
	r.looked = now
	if slices.EqualFunc(r.stamps(), r.seen, stamp.same) {
		return r.config
	}
	if err := r.load(); err != nil {
		r.log.Error("new tls files cannot be used, the old ones stay", "error", err)
	} else {
		r.log.Info("tls files read again", "cert", r.files.Cert)
	}
	return r.config
}

func (r *reloader) stamps() []stamp {
	var all []stamp
	for _, name := range []string{r.files.Cert, r.files.Key, r.files.ClientCA} {
		if name == "" {
			continue
		}
		s := stamp{}
		info, err := os.Stat(name)
		if err != nil {
			s.err = err.Error()
		} else {
			s.info = info
		}
		all = append(all, s)
	}
	return all
}

func (s stamp) same(o stamp) bool {
	if s.info == nil || o.info == nil {
		return s.info == nil && o.info == nil && s.err == o.err
	}
	return os.SameFile(s.info, o.info) && s.info.ModTime().Equal(o.info.ModTime()) &&
		s.info.Size() == o.info.Size() && s.info.Mode() == o.info.Mode()
}

// load reads the files; on an error the configuration stays as it is.
func (r *reloader) load() error {
	r.seen = r.stamps() // before reading: a change in between is seen next time
	info, err := os.Stat(r.files.Key)
	if err != nil {
		return fmt.Errorf("tls.key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return fmt.Errorf("tls.key: %s has mode %#o and can be read by everyone: run chmod 600 on it", r.files.Key, mode)
	}
	cert, err := tls.LoadX509KeyPair(r.files.Cert, r.files.Key)
	if err != nil {
		return fmt.Errorf("tls.cert: read %s with key %s: %w", r.files.Cert, r.files.Key, err)
	}
	c := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   r.protocols,
		Certificates: []tls.Certificate{cert},
	}
	if r.files.ClientCA != "" {
		pem, err := os.ReadFile(r.files.ClientCA)
		if err != nil {
			return fmt.Errorf("tls.client_ca: %w", err)
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(bytes.TrimSpace(pem)) {
			return fmt.Errorf("tls.client_ca: %s holds no certificate", r.files.ClientCA)
		}
		// API users have tokens and no certificate; what a call needs is
		// decided by the gate.
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	r.config = c
	return nil
}

// CertificateName returns the name of the verified client certificate of a
// connection, "" if there is none. The certificate must give exactly one name:
// its common name, its one DNS name, or both and the same.
func CertificateName(state *tls.ConnectionState) (string, error) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return "", nil
	}
	if len(state.VerifiedChains) == 0 {
		return "", errors.New("client certificate was not verified")
	}
	leaf := state.PeerCertificates[0]
	name := leaf.Subject.CommonName
	switch {
	case len(leaf.DNSNames) > 1, len(leaf.EmailAddresses) > 0, len(leaf.IPAddresses) > 0, len(leaf.URIs) > 0:
		return "", errors.New("client certificate has more names than one dns name")
	case len(leaf.DNSNames) == 1 && name == "":
		name = leaf.DNSNames[0]
	case len(leaf.DNSNames) == 1 && name != leaf.DNSNames[0]:
		return "", fmt.Errorf("client certificate has two names, %q and %q", name, leaf.DNSNames[0])
	}
	if err := CheckName(name); err != nil {
		return "", fmt.Errorf("client certificate: %w", err)
	}
	return name, nil
}
