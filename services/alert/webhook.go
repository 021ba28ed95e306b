package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// Bounds of what a receiver answers, in bytes.
const (
	maxAnswer = 4 << 10
	maxHeader = 16 << 10
)

// webhook posts messages to one address.
type webhook struct {
	url     *url.URL
	secrets []Secret
	timeout time.Duration
	now     func() time.Time
	client  *http.Client
}

// newWebhook makes the webhook of a configuration that has a URL. secret is that of
// the environment, "" if there is none.
func newWebhook(c Config, secret string, now func() time.Time) (*webhook, error) {
	u, err := c.target()
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	w := &webhook{url: u, timeout: c.Timeout, now: now}
	switch {
	case secret != "":
		if w.secrets, err = ParseSecrets(secret); err != nil {
			return nil, fmt.Errorf("secret of the environment: %w", err)
		}
	case c.SecretFile == "":
		return nil, errors.New("secret_file: want one: messages are signed")
	default:
		if w.secrets, err = readSecrets(c.SecretFile); err != nil {
			return nil, fmt.Errorf("secret_file: %w", err)
		}
	}
	t := &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		DialContext:            (&net.Dialer{Timeout: c.Timeout, Control: allowedPeer(u.Scheme == "https" || c.AllowHTTP)}).DialContext,
		TLSHandshakeTimeout:    c.Timeout,
		MaxResponseHeaderBytes: maxHeader,
		IdleConnTimeout:        time.Minute,
		MaxIdleConns:           1,
		ForceAttemptHTTP2:      true,
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: %s holds no certificate (PEM)", c.CAFile)
		}
	}
	w.client = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return w, nil
}

// refusal is an answer that is not 2xx.
type refusal struct {
	code  int
	after time.Duration // to wait as the receiver asks, 0 if it does not
}

func (r *refusal) Error() string {
	if r.code >= 300 && r.code < 400 {
		return fmt.Sprintf("receiver answered %d: redirects are not followed", r.code)
	}
	return fmt.Sprintf("receiver answered %d", r.code)
}

// send posts a message once. It is taken if there is no error. No error tells the
// URL or what the receiver wrote.
func (w *webhook) send(ctx context.Context, id string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("make request: the URL is malformed")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "gatewatch")
	sign(r.Header, w.secrets, id, w.now(), body)
	resp, err := w.client.Do(r)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return fmt.Errorf("post to %s: %w", w.url.Host, err)
	}
	defer resp.Body.Close()
	// What is left unread costs the connection, and no more.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return &refusal{resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"))}
	}
	return nil
}

func (w *webhook) close() { w.client.CloseIdleConnections() }

// maxAfter bounds how long a receiver may ask to wait.
const maxAfter = time.Hour

// retryAfter reads the seconds of a Retry-After; of a date, none.
func retryAfter(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxAfter)
}
