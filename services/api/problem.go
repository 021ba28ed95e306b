package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// problem is an error of REST: problem details of RFC 9457. Column is where a
// query is wrong, in characters from 1; Field is the part of the request that is.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Field  string `json:"field,omitempty"`
	Column int    `json:"column,omitempty"`

	retryAfter int // seconds, 0: no header
}

const (
	problemPlain = "about:blank"
	problemQuery = "urn:gatewatch:problem:query"
)

func newProblem(code int, detail string) *problem {
	title := http.StatusText(code)
	if code == statusCanceled {
		title = "Client Closed Request"
	}
	return &problem{Type: problemPlain, Title: title, Status: code, Detail: detail}
}

// statusCanceled is what the gateway answers to who has hung up.
const statusCanceled = 499

// problemOf converts an error of a call.
func problemOf(err error) *problem {
	var plain httpError
	if errors.As(err, &plain) {
		return newProblem(plain.code, plain.detail)
	}
	s := status.Convert(err)
	p := newProblem(runtime.HTTPStatusFromCode(s.Code()), s.Message())
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() != errorDomain || d.GetReason() != reasonQuery {
				continue
			}
			p.Type, p.Title = problemQuery, "The query is wrong"
			p.Column, _ = strconv.Atoi(d.GetMetadata()[columnKey]) // 0, left out, if it is none
		case *errdetails.BadRequest:
			if v := d.GetFieldViolations(); len(v) > 0 {
				p.Field = v[0].GetField()
			}
		case *errdetails.RetryInfo:
			p.retryAfter = int(d.GetRetryDelay().AsDuration().Seconds())
		}
	}
	if s.Code() == codes.Unavailable && p.retryAfter == 0 {
		p.retryAfter = 1
	}
	return p
}

// write answers a request with the problem.
func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Del("Content-Length")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="gatewatch"`)
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the peer has gone if this fails
}

// event returns the problem as the last line of a stream.
func (p *problem) event(sse bool) []byte {
	text, err := json.Marshal(map[string]*problem{"error": p})
	if err != nil {
		return nil // a struct of texts and numbers has JSON
	}
	if sse {
		return []byte("event: error\ndata: " + string(text) + "\n\n")
	}
	return append(text, '\n')
}

// gatewayError is the error handler of the gateway.
func gatewayError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	problemOf(err).write(w)
}

// routingError answers requests for which the gateway has no route.
func routingError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	switch code {
	case http.StatusMethodNotAllowed:
		newProblem(code, r.Method+" is not offered here").write(w)
	case http.StatusNotFound:
		newProblem(code, "there is nothing at this path; see /api/openapi.json").write(w)
	default:
		newProblem(code, "the path is malformed").write(w)
	}
}
