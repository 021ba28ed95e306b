package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/kept"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/state"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/store/query"
	"github.com/gatewatch/gatewatch/services/triage"
	"github.com/gatewatch/gatewatch/services/triage/proposals"
	"github.com/gatewatch/gatewatch/services/triage/whatif"
)

// errorDomain and the reasons name our errors in google.rpc.ErrorInfo.
const (
	errorDomain = "gatewatch"
	reasonQuery = "QUERY"
	columnKey   = "column"

	retryAfter = 60 * time.Second // what a peer that failed too often is told
)

// badField is a mistake in one field of a request.
type badField struct {
	field string
	err   error
}

func (e *badField) Error() string { return e.field + ": " + e.err.Error() }
func (e *badField) Unwrap() error { return e.err }

// notFound says that there is no such thing.
type notFound struct{ kind, id string }

func (e *notFound) Error() string { return fmt.Sprintf("there is no %s %q", e.kind, e.id) }

// errBusy means that too many calls of a kind are running.
var errBusy = errors.New("the server is busy, try again later")

// status turns an error into what the caller may know of it. What is not the
// caller's doing is logged under an id, and the caller gets only that.
func (a *API) status(method string, err error) error {
	if s, ok := status.FromError(err); ok && s.Code() != codes.Unknown {
		return s.Err()
	}
	var (
		inQuery *query.Error
		inField *badField
		missing *notFound
		costly  *query.LimitError
	)
	switch {
	case errors.As(err, &inQuery):
		return withDetails(codes.InvalidArgument, "query: "+inQuery.Error(),
			&errdetails.ErrorInfo{Domain: errorDomain, Reason: reasonQuery, Metadata: map[string]string{columnKey: strconv.Itoa(inQuery.Column)}},
			violation("query", inQuery.Error()))
	case errors.As(err, &costly):
		return withDetails(codes.InvalidArgument, "query: "+costly.Error(), violation("query", costly.Error()))
	case errors.As(err, &missing):
		return status.Error(codes.NotFound, missing.Error())
	case errors.As(err, &inField):
		return withDetails(codes.InvalidArgument, inField.Error(), violation(inField.field, inField.err.Error()))
	case errors.Is(err, access.ErrTooManyFailures):
		return withDetails(codes.ResourceExhausted, err.Error(), &errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	for _, known := range [...]struct {
		is   error
		code codes.Code
	}{
		{access.ErrUnauthenticated, codes.Unauthenticated},
		{access.ErrForbidden, codes.PermissionDenied},
		{access.ErrGrant, codes.InvalidArgument},
		{access.ErrNotFound, codes.NotFound},
		{access.ErrAccount, codes.InvalidArgument},
		{state.ErrInvalid, codes.InvalidArgument},
		{state.ErrConflict, codes.Aborted},
		{state.ErrFull, codes.ResourceExhausted},
		{state.ErrNotFound, codes.NotFound},
		{triage.ErrInvalid, codes.InvalidArgument},
		{triage.ErrAmbiguous, codes.InvalidArgument},
		{triage.ErrUndone, codes.Aborted},
		{triage.ErrTooMany, codes.InvalidArgument},
		{triage.ErrNotReady, codes.Unavailable},
		{proposals.ErrBusy, codes.Aborted},
		{whatif.ErrBusy, codes.Aborted},
		{proposals.ErrState, codes.FailedPrecondition},
		{queue.ErrFull, codes.ResourceExhausted},
		{kept.ErrFilter, codes.InvalidArgument},
		{store.ErrPageToken, codes.InvalidArgument},
		{store.ErrFull, codes.ResourceExhausted},
		{store.ErrClosed, codes.Unavailable},
		{rules.ErrNoDetection, codes.Unavailable},
		{query.ErrBusy, codes.ResourceExhausted},
		{errBusy, codes.ResourceExhausted},
	} {
		if errors.Is(err, known.is) {
			return status.Error(known.code, err.Error())
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "the call took too long: narrow the time range or the filter")
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, "the call was cancelled")
	}
	id := rand.Text()[:12]
	a.parts.Log.Error("call failed", "method", method, "id", id, "error", err)
	return status.Errorf(codes.Internal, "internal error; the server's log has it under id %s", id)
}

// panicked reports a panic in the handler of a call.
func (a *API) panicked(method string, value any, stack []byte) error {
	id := rand.Text()[:12]
	a.parts.Log.Error("call panicked", "method", method, "id", id, "panic", fmt.Sprint(value), "stack", string(stack))
	return status.Errorf(codes.Internal, "internal error; the server's log has it under id %s", id)
}

func violation(field, description string) *errdetails.BadRequest {
	return &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: description}}}
}

func withDetails(code codes.Code, message string, details ...protoadapt.MessageV1) error {
	s := status.New(code, message)
	if detailed, err := s.WithDetails(details...); err == nil {
		s = detailed
	}
	return s.Err()
}
