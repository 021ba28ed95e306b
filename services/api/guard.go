package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/access"
)

// guard stands in front of every call of one listener, gRPC and REST alike.
type guard struct {
	api  *API
	gate *access.Gate
}

func (a *API) guard(gate *access.Gate) *guard { return &guard{api: a, gate: gate} }

// recheckEvery is how often the right of a long call is looked at again, so
// that a revoked token ends it.
const recheckEvery = 5 * time.Second

// admission is the result of a check, kept in the context of the call.
type admission struct{ method string }

type admissionKey struct{}

// admit checks the right to a call once; the context it returns says so.
func (g *guard) admit(ctx context.Context, method string) (context.Context, error) {
	if a, ok := ctx.Value(admissionKey{}).(admission); ok && a.method == method {
		return ctx, nil
	}
	id, err := g.gate.Admit(method, callerOf(ctx))
	if err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, admissionKey{}, admission{method})
	return access.NewContext(ctx, id), nil
}

// forwardedKey marks the context of a call that came through a proxy.
type forwardedKey struct{}

// sessionKey marks the context of a call that came with the cookie of a session.
type sessionKey struct{}

// cookieCaller is what a browser sends besides its call.
type cookieCaller struct {
	id, screen string // of the sessions of a person and of a wall screen
	csrf       string
	readOnly   bool
	unasked    bool // the page calls by itself
}

// callerOf reads what the transport knows from a context of gRPC.
func callerOf(ctx context.Context) access.Caller {
	var c access.Caller
	_, c.Forwarded = ctx.Value(forwardedKey{}).(bool)
	if k, ok := ctx.Value(sessionKey{}).(cookieCaller); ok {
		c.Session, c.Screen, c.CSRF, c.ReadOnly, c.Unasked = k.id, k.screen, k.csrf, k.readOnly, k.unasked
	}
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		if values := md.Get("authorization"); len(values) > 0 {
			c.Bearer = access.Bearer(values[0])
			if c.Bearer == "" {
				c.Bearer = "none" // a credential of another kind is a wrong one
			}
		}
	}
	if p, ok := peer.FromContext(ctx); ok {
		c.Peer = p.Addr
		c.TLS = tlsState(p.AuthInfo)
	}
	return c
}

func tlsState(info credentials.AuthInfo) *tls.ConnectionState {
	if t, ok := info.(credentials.TLSInfo); ok {
		return &t.State
	}
	return nil
}

// unary is the interceptor of calls with one answer.
func (g *guard) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, g.api.panicked(info.FullMethod, p, debug.Stack())
		}
	}()
	ctx, err = g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, g.api.status(info.FullMethod, err)
	}
	ctx, cancel := context.WithTimeout(ctx, g.api.timeout(info.FullMethod))
	defer cancel()
	resp, err = handler(ctx, req)
	if err != nil {
		return nil, g.api.status(info.FullMethod, err)
	}
	return resp, nil
}

// stream is the interceptor of calls with streams. They have no timeout, and
// end when the right to them does.
func (g *guard) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = g.api.panicked(info.FullMethod, p, debug.Stack())
		}
	}()
	before := ss.Context()
	ctx, err := g.admit(before, info.FullMethod)
	if err != nil {
		return g.api.status(info.FullMethod, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		g.watch(ctx, callerOf(before), info.FullMethod, cancel)
	}()
	defer func() {
		cancel(nil)
		<-watched
	}()
	err = handler(srv, &guardedStream{ServerStream: ss, ctx: ctx, limits: g.api.limitsOf(info.FullMethod)})
	if lost := context.Cause(ctx); lost != nil && !errors.Is(lost, context.Canceled) && !errors.Is(lost, context.DeadlineExceeded) {
		err = lost
	}
	if err != nil {
		return g.api.status(info.FullMethod, err)
	}
	return nil
}

// errOther ends a long call whose session is over where the browser has another one.
var errOther = fmt.Errorf("%w: the session of this call is over", access.ErrUnauthenticated)

// watch cancels a call when its caller has lost the right to it, or the session
// under which it was admitted. To look is no use of that session.
func (g *guard) watch(ctx context.Context, c access.Caller, method string, cancel context.CancelCauseFunc) {
	c.Unasked = true
	first, _ := access.FromContext(ctx)
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			id, err := g.gate.Admit(method, c)
			if err == nil && id.Session != first.Session {
				err = errOther
			}
			if err != nil {
				cancel(err)
				return
			}
		}
	}
}

// guardedStream is a stream with the context of an admitted call, whose
// messages are bounded.
type guardedStream struct {
	grpc.ServerStream
	ctx    context.Context
	limits limits
}

func (s *guardedStream) Context() context.Context { return s.ctx }

// timeout returns how long a call may take.
func (a *API) timeout(method string) time.Duration {
	switch method {
	case methodSearch, methodAggregate, methodChart, gatewatchv1.SearchService_Explain_FullMethodName,
		gatewatchv1.SearchService_ListFields_FullMethodName, gatewatchv1.DecisionService_ListDecisions_FullMethodName,
		gatewatchv1.DecisionService_ListDecisionGroups_FullMethodName, gatewatchv1.DecisionService_EstimateRates_FullMethodName,
		gatewatchv1.DecisionService_SampleDecisions_FullMethodName,
		gatewatchv1.RequestService_ListRequests_FullMethodName, gatewatchv1.RequestService_GetRequest_FullMethodName:
		return a.config.SearchTimeout
	}
	return a.config.CallTimeout
}
