package main

import (
	"fmt"
	"net/http"
	"strings"
)

// misdirected recognises, by the error of a request, a port that serves
// something else than REST.
func (r *remote) misdirected(err error) error {
	text := err.Error()
	switch {
	// The settings of HTTP/2, which come before or after the request is sent.
	case strings.Contains(text, `malformed HTTP response "\x00\x00`), strings.Contains(text, "readLoopPeekFailLocked"):
		return r.wrongPort("the gRPC port (listen.grpc)")
	case strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return usagef("%s speaks plain HTTP: use http://%s", r.server, strings.TrimPrefix(r.server, "https://"))
	}
	return fmt.Errorf("ask %s: %w (is gatewatch serve running there?)", r.server, err)
}

// misanswered recognises the same by an answer, nil if it is one of REST.
func (r *remote) misanswered(res *http.Response, body string) error {
	switch {
	case strings.HasPrefix(res.Header.Get("Content-Type"), "application/grpc"):
		return r.wrongPort("the gRPC port (listen.grpc)")
	case res.Header.Get("X-Elastic-Product") != "":
		return r.wrongPort("the port of the HTTP inputs (listen.ingest)")
	case res.StatusCode == http.StatusBadRequest && strings.Contains(body, "HTTP request to an HTTPS server"):
		return usagef("%s speaks TLS: use https://%s", r.server, strings.TrimPrefix(r.server, "http://"))
	}
	return nil
}

func (r *remote) wrongPort(what string) error {
	return usagef("%s is %s; REST is on listen.http, %s unless configured otherwise", r.server, what, defaultServer)
}
