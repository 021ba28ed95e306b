package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// remote is a server as the REST API shows it.
type remote struct {
	server, token, ca string
	http              *http.Client
}

const defaultServer = "http://127.0.0.1:8080"

// addRemote adds the flags that name a server.
func addRemote(cmd *cobra.Command, r *remote) {
	cmd.Flags().StringVar(&r.server, "server", "", "URL of the server (GATEWATCH_SERVER; default "+defaultServer+")")
	cmd.Flags().StringVar(&r.token, "token", "", "bearer token (GATEWATCH_TOKEN, or GATEWATCH_TOKEN_FILE)")
	cmd.Flags().StringVar(&r.ca, "ca", "", "PEM file of the authority that signed the server's certificate")
}

// connect fills in what the flags leave open.
func (r *remote) connect() error {
	if r.server == "" {
		r.server = os.Getenv("GATEWATCH_SERVER")
	}
	if r.server == "" {
		r.server = defaultServer
	}
	if !strings.Contains(r.server, "://") {
		r.server = "http://" + r.server
	}
	u, err := url.Parse(r.server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usagef("--server: want a URL such as %s, have %q", defaultServer, r.server)
	}
	r.server = strings.TrimRight(r.server, "/")
	if r.token == "" {
		r.token = os.Getenv("GATEWATCH_TOKEN")
	}
	if file := os.Getenv("GATEWATCH_TOKEN_FILE"); r.token == "" && file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read token: %w", err)
		}
		r.token = strings.TrimSpace(string(b))
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if r.ca != "" {
		pem, err := os.ReadFile(r.ca)
		if err != nil {
			return fmt.Errorf("read --ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return usagef("--ca: %s holds no certificate", r.ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	r.http = &http.Client{Transport: transport, Timeout: 2 * time.Minute}
	return nil
}

// problem is an error of the REST API (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Status int    `json:"status"`
}

// errUnavailable means that asking again later may help.
var errUnavailable = errors.New("server cannot take it now")

// call sends a request and reads the answer into out.
func (r *remote) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.server+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.send(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("read answer of %s: %w", r.server, err)
	}
	return nil
}

// send sends a request in the name of the token and returns an answer that is a
// success; its body is the caller's to close.
func (r *remote) send(req *http.Request) (*http.Response, error) {
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return nil, r.misdirected(err)
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, r.remoteError(res)
	}
	return res, nil
}

// remoteError turns an answer that is no success into an error.
func (r *remote) remoteError(res *http.Response) error {
	var p problem
	b, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	text := strings.TrimSpace(string(b))
	if err := r.misanswered(res, text); err != nil {
		return err
	}
	if json.Unmarshal(b, &p) == nil && (p.Detail != "" || p.Title != "") {
		text = p.Detail
		if text == "" {
			text = p.Title
		}
	}
	switch res.StatusCode {
	case http.StatusBadRequest:
		return usageError{errors.New(text)}
	case http.StatusUnauthorized:
		return fmt.Errorf("%s; give --token or GATEWATCH_TOKEN (the server's DIR/admin.token has all rights)", text)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %s", errUnavailable, text)
	}
	return fmt.Errorf("server answered %s: %s", res.Status, text)
}
